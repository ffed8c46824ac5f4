import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { compileNamePattern } from "../../lib/daemon/name_pattern.ts";

const cases: [pattern: string, matching: string[], others: string[]][] = [
  ["a", ["a"], ["", "b", "ab", "ba", "A"]],
  ["*", ["", "a", "a.b", ".a"], []],
  ["*.txt", ["a.txt", ".txt"], ["a.txt2", "txt", "a.TXT"]],
  ["a*b*c", ["abc", "aXbYc", "abcbc"], ["ab", "acb", "abcd"]],
  ["?", ["a", "é", "😀", "\udcff"], ["", "ab"]],
  ["a**b", ["ab", "axb"], ["a"]],
  ["[abc]", ["a", "c"], ["d", "", "ab"]],
  ["[a-c]x", ["bx"], ["dx"]],
  ["[!a-c]", ["d"], ["a", ""]],
  ["[^a]", ["b"], ["a"]],
  ["[]a]", ["]", "a"], ["b"]],
  ["[!]]", ["a"], ["]"]],
  ["[a-]", ["a", "-"], ["b"]],
  ["[\\]]", ["]"], ["\\"]],
  ["[a", ["[a"], ["a"]],
  ["[", ["["], [""]],
  ["\\*", ["*"], ["a", "\\*"]],
  ["a\\", ["a\\"], ["a"]],
  ["", [""], ["a"]],
  ["a.c", ["a.c"], ["abc"]],
  ["(a|b)+", ["(a|b)+"], ["a"]],
];

for (const [pattern, matching, others] of cases) {
  Deno.test(`the pattern ${JSON.stringify(pattern)}`, () => {
    const matches = compileNamePattern(pattern);
    for (const name of matching) assert(matches(name), name);
    for (const name of others) assert(!matches(name), name);
  });
}

Deno.test("stars, question marks and letters match as the same regular expression does", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(fc.property(text, word, (pattern, name) => {
    const regexp = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
    assertEquals(compileNamePattern(pattern)(name), regexp.test(name));
  }));
});

Deno.test("a name matches itself with every character escaped", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => {
    const escaped = [...name].map((char) => `\\${char}`).join("");
    assert(compileNamePattern(escaped)(name));
  }));
});

Deno.test("a pattern made to keep a backtracking matcher busy for ages is done at once", () => {
  const matches = compileNamePattern("*a".repeat(100) + "b");
  assert(!matches("a".repeat(255)));
  assert(matches("a".repeat(254) + "b"));
});
