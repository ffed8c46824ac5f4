import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BlitError } from "../../lib/base/errors.ts";
import { compilePattern } from "../../lib/scan/pattern.ts";
import { referenceMatches } from "./reference_matcher.ts";

/** A path with a trailing slash is a directory. */
function matches(pattern: string, typed: string): boolean {
  const isDirectory = typed.endsWith("/");
  const path = isDirectory ? typed.slice(0, -1) : typed;
  return compilePattern(pattern)(path, path.lastIndexOf("/") + 1, isDirectory);
}

function assertTakes(pattern: string, taken: string[], left: string[]): void {
  for (const path of taken) assert(matches(pattern, path), `"${pattern}" has to match "${path}"`);
  for (const path of left) assert(!matches(pattern, path), `"${pattern}" must not match "${path}"`);
}

Deno.test("a pattern without slash is held against the last component", () => {
  assertTakes("foo", ["foo", "a/foo", "a/foo/"], ["foo/a", "xfoo", "a/foox"]);
  assertTakes("*.o", ["a.o", "b/a.o", ".o", "d.o/"], ["a.o/b", "a.oo", "o"]);
  assertTakes("a*b", ["ab", "x/axb"], ["a", "a/b", "ba", "abx"]);
  assertTakes("aa*aa", ["aaaa", "aaxaa"], ["aaa"]);
  assertTakes("a*", ["a", "x/ab"], ["ba", "a/b"]);
  assertTakes("*b*", ["b", "x/abc"], ["b/a"]);
  assertTakes("*", ["a", "a/b", "a/"], []);
});

Deno.test("a leading slash anchors at the root", () => {
  assertTakes("/foo", ["foo", "foo/"], ["a/foo", "foo/a"]);
  assertTakes("/a/*.o", ["a/x.o"], ["b/a/x.o", "a/b/x.o", "x.o"]);
  assertTakes("/*", ["a", "b/"], ["a/b"]);
});

Deno.test("an inner slash makes it a pattern over the last components", () => {
  assertTakes("a/b", ["a/b", "x/a/b"], ["b", "xa/b", "a/b/c", "a/x/b"]);
  assertTakes("a/*/c", ["a/b/c", "x/a/b/c"], ["a/c", "a/b/b/c", "b/c"]);
  assertTakes("*/b", ["a/b", "x/a/b"], ["b"]);
});

Deno.test("two stars cross slashes", () => {
  assertTakes("a/**", ["a/b", "a/b/c", "x/a/b"], ["a", "a/", "xa/b"]);
  assertTakes("/a/**", ["a/b", "a/b/c"], ["a/", "x/a/b"]);
  assertTakes("/a/**/c", ["a/b/c", "a/b/b/c"], ["a/c", "x/a/b/c"]);
  assertTakes("**/c", ["c", "a/c", "a/b/c"], ["xc", "c/a"]);
  assertTakes("**/a/c", ["a/c", "b/a/c"], ["c", "ba/c"]);
  assertTakes("/**/c", ["a/c", "a/b/c"], ["c"]);
  assertTakes("**c", ["c", "a/xc"], ["c/a"]);
  assertTakes("a**c", ["ac", "a/c", "x/ab/bc"], ["xac", "a/x"]);
  assertTakes("**", ["a", "a/b/", "a/b/c"], []);
});

Deno.test("a trailing slash is for directories only", () => {
  assertTakes("foo/", ["foo/", "a/foo/"], ["foo", "a/foo", "foo/a"]);
  assertTakes("*/", ["a/", "a/b/"], ["a", "a/b"]);
  assertTakes("/a/b*/", ["a/b/"], ["a/b", "x/a/b/"]);
});

Deno.test("three stars after a slash take a directory and all inside", () => {
  assertTakes("dir/***", ["dir/", "a/dir/", "dir/a", "a/dir/b/c"], ["dir", "xdir/", "adir/b"]);
  assertTakes("/dir/***", ["dir/", "dir/a/b"], ["dir", "a/dir/", "a/dir/b"]);
  assertTakes("/d*/***", ["dir/", "dir/a/b"], ["a/", "x/dir/"]);
});

Deno.test("question marks and classes take one character, never a slash", () => {
  assertTakes("?", ["a", "x/b", "é", "😀", "\udc80"], ["ab", "\udc80\udc81"]);
  assertTakes("/a?b", ["axb"], ["a/b", "ab"]);
  assertTakes("[a-c]x", ["ax", "cx"], ["dx", "x", "-x"]);
  assertTakes("[!a-c]", ["d", "é", "😀", "\udc80"], ["a", "dd"]);
  assertTakes("[^a]", ["b", "^"], ["a"]);
  assertTakes("[]a]", ["]", "a"], ["[", "b"]);
  assertTakes("[!]a]", ["b"], ["]", "a"]);
  assertTakes("[a-]", ["a", "-"], ["b"]);
  assertTakes("[--0]", ["-", ".", "0"], ["1", ","]);
  assertTakes("/a[.-9]b", ["a.b", "a0b"], ["a/b"]);
  assertTakes("/a[!x]b", ["ayb"], ["a/b", "axb"]);
  assertTakes("[\\]]", ["]"], ["\\"]);
  assertTakes("[\\\\]", ["\\"], ["]"]);
  assertTakes("[é-ü]", ["ê"], ["e"]);
  assertTakes("[\udc80-\udc82]", ["\udc81"], ["\udc83", "💀"]);
});

Deno.test("named classes are about ASCII", () => {
  assertTakes("[[:alpha:]]", ["a", "Z"], ["1", "é", "_"]);
  assertTakes("[[:digit:][:upper:]_]", ["1", "A", "_"], ["a"]);
  assertTakes("[![:alnum:]]", [".", "é"], ["a", "0"]);
  assertTakes("/a[[:punct:]]b", ["a.b"], ["a/b"]);
  assertTakes("[[:]", ["[", ":"], ["a"]);
});

Deno.test("a backslash escapes only where a wildcard stands", () => {
  assertTakes("a\\b", ["a\\b"], ["ab"]);
  assertTakes("a\\b*", ["abc"], ["a\\bc"]);
  assertTakes("\\*", ["*"], ["a", "\\*"]);
  assertTakes("\\[a]", ["[a]"], ["a"]);
  assertTakes("\\\\?", ["\\a"], ["a"]);
});

Deno.test("characters special to regular expressions are ordinary", () => {
  assertTakes("a.b+(c)|^$*?", ["a.b+(c)|^$x"], ["axb+(c)|^$x"]);
  assertTakes("*{2}*1*\n?", ["{2}1\nx"], ["{2}1x"]);
});

Deno.test("an undecodable byte does not match half of another character", () => {
  // U+1F480 is D83D DC80 in UTF-16.
  assertTakes("\udc80", ["\udc80"], ["💀"]);
  assertTakes("*\udc80", ["a\udc80", "\udc80"], ["a💀"]);
  assertTakes("*\udc80*", ["a\udc80b"], ["a💀b"]);
  assertTakes("a*\udc80", ["a\udc80"], ["a💀"]);
  assertTakes("**\udc80", ["a/\udc80"], ["a/💀"]);
  assertTakes("x/*\udc80", ["x/\udc80"], ["x/💀"]);
});

Deno.test("a malformed pattern is a usage error of one line that names it", () => {
  const malformed = [
    "",
    "/",
    "//",
    "[",
    "a[b",
    "[]",
    "[!]",
    "[a-",
    "[z-a]",
    "[[:nope:]]",
    "[[:alpha:]",
    "*\\",
    "[\\",
    "a\n[",
  ];
  for (const pattern of malformed) {
    const error = assertThrows(() => compilePattern(pattern), BlitError, "Cannot use the pattern");
    assertEquals(error.code, "usage");
    assert(!error.message.includes("\n"), error.message);
    assert(error.message.includes(pattern.replace("\n", "\\x0a")), error.message);
  }
});

Deno.test("many stars on a long path that does not match come to an end", () => {
  const name = "a".repeat(250);
  assertTakes("*a".repeat(12) + "*b", [], [name]);
  assertTakes("*a*".repeat(12) + "[b]", [], [name]);
  const path = Array(300).fill("aaaaaaaa").join("/");
  assertTakes("**a".repeat(8) + "**b", [], [path]);
  assertTakes("/**a*a*a".repeat(4) + "**b", [], [path]);
  assertTakes("x/**" + "*a*a*a/**".repeat(4) + "b", [], [path]);
});

const character = fc.constantFrom("a", "b", "c", ".", "-", "]", "[", "*", "\\", "é", "💀", "\udc80");
const name = fc.array(character, { minLength: 1, maxLength: 4 }).map((chars) => chars.join(""));
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const piece = fc.constantFrom(
  ..."a b c . - ] é 💀 \udc80 * ** *** ? / / /*** [ab] [!a] [^b] [a-c] [!]-] []a] [[:alpha:]] [![:punct:]] [\\]] \\* \\\\ \\a"
    .split(" "),
);
const madeOfPieces = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));
const madeOfCharacters = fc.array(fc.oneof(character, fc.constantFrom("/", "?", "!", ":")), {
  minLength: 1,
  maxLength: 8,
})
  .map((chars) => chars.join("")).filter((pattern) => !/\[[^\]]*\//.test(pattern));

/** A path of which some characters are replaced by wildcards, so that it has a good chance to match that path. */
const pathAndItsPattern = path.chain((path) =>
  fc.array(fc.constantFrom("", "", "", "?", "*", "**", "[!x]"), { minLength: path.length, maxLength: path.length })
    .chain((wildcards) => {
      const body = [...path].map((char, index) => wildcards[index] || (/[*[?\\]/.test(char) ? `\\${char}` : char)).join(
        "",
      );
      return fc.tuple(fc.constantFrom("", "/", "**/", "**"), fc.constantFrom("", "/", "/***", "*"))
        .map(([before, after]) => ({ path, pattern: `${before}${body}${after}` }));
    })
);

function compileIfWellFormed(pattern: string) {
  try {
    return compilePattern(pattern);
  } catch (error) {
    assert(error instanceof BlitError && error.code === "usage", `"${pattern}" raised ${error}`);
    return fc.pre(false) as never;
  }
}

Deno.test("patterns mean what the reference matcher says", () => {
  const unrelated = fc.record({ path, pattern: fc.oneof(madeOfPieces, madeOfCharacters) });
  let matched = 0;
  fc.assert(
    fc.property(fc.oneof(unrelated, pathAndItsPattern), fc.boolean(), ({ path, pattern }, isDirectory) => {
      const found = compileIfWellFormed(pattern)(path, path.lastIndexOf("/") + 1, isDirectory);
      if (found) matched++;
      assertEquals(found, referenceMatches(pattern, path, isDirectory), JSON.stringify({ pattern, path, isDirectory }));
    }),
    { numRuns: 5000 },
  );
  assert(matched > 100, `only ${matched} generated patterns matched: the generator is useless`);
});
