import { assert, assertEquals } from "@std/assert";
import { flagGroups, flags } from "../../lib/args/flags.ts";
import { verbs } from "../../lib/args/verbs.ts";

Deno.test("no name, short name or verb stands twice in the tables", () => {
  const names = [
    ...flags.map((flag) => `--${flag.name}`),
    ...flags.flatMap((flag) => flag.short === undefined ? [] : [`-${flag.short}`]),
    ...verbs.flatMap((verb) => [verb.name, ...verb.alsoKnownAs]),
  ];
  assertEquals(names.toSorted(), [...new Set(names)].toSorted());
});

Deno.test("a flag takes a value exactly if its help names one, and then has no short name", () => {
  for (const flag of flags) {
    assertEquals(flag.value === undefined, flag.label === undefined, flag.name);
    assert(flag.value === undefined || flag.short === undefined, flag.name);
    assertEquals(flag.value === "choice", flag.choices !== undefined, flag.name);
  }
});

Deno.test("conflicts name flags further up that share a command", () => {
  flags.forEach((flag, index) => {
    for (const name of flag.conflicts ?? []) {
      const other = flags.findIndex((candidate) => candidate.name === name);
      assert(other !== -1 && other < index, `${flag.name}: ${name}`);
      assert(flag.verbs.some((verb) => flags[other].verbs.includes(verb)), `${flag.name}: ${name}`);
    }
  });
});

Deno.test("every flag stands in a group of the help and belongs to a command", () => {
  for (const flag of flags) {
    assert(flagGroups.some(([group]) => group === flag.group), flag.name);
    assert(flag.verbs.length > 0, flag.name);
  }
});
