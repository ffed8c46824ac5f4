import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { flags } from "../../lib/args/flags.ts";
import { generalHelp, optionSpelling, shortUsage, verbHelp } from "../../lib/args/help.ts";
import { verbs } from "../../lib/args/verbs.ts";

const texts = [generalHelp(), shortUsage(), ...verbs.map(verbHelp)];

Deno.test("no help is wider than 80 columns, ends in a space, or lacks the last line's end", () => {
  for (const text of texts) {
    assert(text.endsWith("\n") && !text.endsWith("\n\n"));
    for (const line of text.split("\n")) {
      assert(line.length <= 80, line);
      assertEquals(line, line.trimEnd());
    }
  }
});

for (const verb of verbs) {
  Deno.test(`the help of ${verb.name} shows every visible flag that belongs to it, and no other`, () => {
    const lines = verbHelp(verb).split("\n").map((line) => line.trim());
    for (const flag of flags) {
      const spelling = optionSpelling(flag).trim();
      const shown = lines.filter((line) => line === spelling || line.startsWith(`${spelling}  `)).length;
      assertEquals(shown, flag.verbs.includes(verb.name) && !flag.hidden ? 1 : 0, flag.name);
    }
  });
}

Deno.test("the general help names every command and every exit code", () => {
  for (const verb of verbs) assertEquals(generalHelp().includes(`  ${verb.name} `), !verb.hidden, verb.name);
  for (const code of [0, 1, 2, 64, 130]) assert(new RegExp(`^ +${code}  `, "m").test(generalHelp()));
});

Deno.test("an option's lines: short and long name, value, default, continuation below", () => {
  const help = verbHelp(verbs.find((verb) => verb.name === "mirror")!);
  assertStringIncludes(help, "\n  -n, --dry-run             change nothing, list what would be done; files are");
  assertStringIncludes(help, "\n      --max-delete N        delete nothing at all");
  assertStringIncludes(help, "(default: subset)");
});
