import { assertEquals, assertThrows } from "@std/assert";
import { type Inputs, readFilterRules, readPathList } from "../../lib/args/lists.ts";
import { parseArguments } from "../../lib/args/parse.ts";
import { BlitError } from "../../lib/base/errors.ts";

function inputs(files: Record<string, string | Uint8Array>, standardInput: string = ""): Inputs {
  const bytesOf = (content: string | Uint8Array) =>
    typeof content === "string" ? new TextEncoder().encode(content) : content;
  return {
    readFile: (path) => {
      if (!Object.hasOwn(files, path)) throw new Deno.errors.NotFound("not there");
      return bytesOf(files[path]);
    },
    readStandardInput: () => bytesOf(standardInput),
  };
}

Deno.test("rules keep their order across options, and a file's rules stand where it was named", () => {
  const words = ["copy", "--exclude", "a", "--include-from", "i", "--include=b", "--exclude-from=e", "--exclude", "c"];
  const files = { i: "one\n- two\n", e: "# comment\n\n; too\nthree\r\n+ four\nfive" };
  assertEquals(
    readFilterRules(parseArguments(words), inputs(files)).map(({ action, pattern }) => `${action} ${pattern}`),
    [
      "exclude a",
      "include one",
      "exclude two",
      "include b",
      "exclude three",
      "include four",
      "exclude five",
      "exclude c",
    ],
  );
});

Deno.test("a list of paths by lines has comments and carriage returns", () => {
  const files = { list: "a/b\n\n# no\n; no\nc d \r\n/lead\n../x" };
  assertEquals(readPathList("list", inputs(files)), ["a/b", "c d ", "/lead", "../x"]);
});

Deno.test("a list of paths by NUL is taken as it is", () => {
  assertEquals(readPathList("-", inputs({}, "a\nb\0#c\0\0;d\0e\r")), ["a\nb", "#c", ";d", "e\r"]);
});

Deno.test("an empty list is a list", () => assertEquals(readPathList("list", inputs({ list: "" })), []));

Deno.test("names that are not UTF-8 survive in lists and patterns", () => {
  const bytes = new Uint8Array([0x61, 0xff, 0x0a, 0xc3, 0xa4, 0x0a]);
  assertEquals(readPathList("list", inputs({ list: bytes })), ["a\udcff", "ä"]);
  const typed = parseArguments(["copy", "--exclude-from", "list"]);
  assertEquals(readFilterRules(typed, inputs({ list: bytes }))[0].pattern, "a\udcff");
});

Deno.test("a list that cannot be read is wrong usage and named", () => {
  const error = assertThrows(() => readPathList("nowhere", inputs({})), BlitError);
  assertEquals(error.message, 'Cannot read "nowhere" for "--files-from": no such file');
  const broken = {
    ...inputs({}),
    readFile: () => {
      throw new Error("Is a directory (os error 21)");
    },
  };
  assertEquals(
    assertThrows(() => readFilterRules(parseArguments(["copy", "--exclude-from", "dir"]), broken), BlitError).message,
    'Cannot read "dir" for "--exclude-from": Is a directory (os error 21)',
  );
});
