import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { adviceForHabit, editDistance, nearest } from "../../lib/args/suggest.ts";

Deno.test("a swap, an insertion, a deletion and a substitution each count one", () => {
  const pairs = [["copy", "copy"], ["cpoy", "copy"], ["cop", "copy"], ["copyy", "copy"], ["cope", "copy"], [
    "",
    "copy",
  ]];
  assertEquals(pairs.map(([a, b]) => editDistance(a, b)), [0, 1, 1, 1, 1, 4]);
});

Deno.test("edit distance is symmetric, and zero only between equals", () => {
  fc.assert(fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
    assertEquals(editDistance(a, b), editDistance(b, a));
    assertEquals(editDistance(a, b) === 0, a === b);
  }));
});

Deno.test("the nearest candidate is found, but nothing that is far away", () => {
  const candidates = ["exclude", "exclude-from", "include", "json", "ndjson"];
  assertEquals(nearest("exlude", candidates), "exclude");
  assertEquals(nearest("JSON", candidates), "json");
  assertEquals(nearest("incl", candidates), "include");
  assertEquals(nearest("recursive", candidates), undefined);
  assertEquals(nearest("x", candidates), undefined);
});

Deno.test("habits from other programs get advice, and nothing from the prototype does", () => {
  assertEquals(adviceForHabit("--delete"), "use `blit mirror`");
  assertEquals(adviceForHabit("constructor"), undefined);
});
