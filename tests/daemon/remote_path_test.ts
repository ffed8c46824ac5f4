import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { pathToBytes } from "../../lib/base/path_bytes.ts";
import { checkPath } from "../../lib/daemon/remote_path.ts";

for (const path of ["", "a", "a/b", ".a", "..a", "a..", "...", "a b", "\udcff/é", "x".repeat(255)]) {
  Deno.test(`the path "${path.slice(0, 20)}" is taken as it is`, () =>
    assertEquals(checkPath(pathToBytes(path)), path));
}

const wrong: [path: string, said: string][] = [
  ["/", "relative"],
  ["/a", "relative"],
  ["a/", "empty part"],
  ["a//b", "empty part"],
  [".", '"."'],
  ["a/./b", '"."'],
  ["..", '".."'],
  ["../a", '".."'],
  ["a/..", '".."'],
  ["a/../../b", '".."'],
  ["a\0b", "NUL"],
  ["a/" + "x".repeat(256), "255 bytes"],
  ["é".repeat(128), "255 bytes"],
  ["a/".repeat(40_000) + "a", "more than 65536 bytes"],
];

for (const [path, said] of wrong) {
  Deno.test(`the path ${JSON.stringify(path.slice(0, 20))} is refused: ${said}`, () => {
    const error = assertThrows(() => checkPath(pathToBytes(path)), ConnectError);
    assertEquals(error.code, Code.InvalidArgument);
    assertStringIncludes(error.rawMessage, said);
    assert(error.rawMessage.length < 400);
  });
}

Deno.test("whatever bytes come, what is let through stays below and is the same bytes", () => {
  const piece = fc.oneof(
    fc.constantFrom("/", ".", "..", "a", "\0").map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = new Uint8Array(pieces.flatMap((part) => [...part]));
      let path: string;
      try {
        path = checkPath(bytes);
      } catch (error) {
        assert(error instanceof ConnectError && error.code === Code.InvalidArgument);
        return;
      }
      assertEquals(pathToBytes(path), bytes);
      if (path === "") return;
      for (const name of path.split("/")) assert(name !== "" && name !== "." && name !== ".." && !name.includes("\0"));
    }),
    { numRuns: 2000 },
  );
});
