/** Random trees, rules and lists for comparisons with rsync. */

import { assert } from "@std/assert";
import fc from "fast-check";
import { BlitError } from "../../lib/base/errors.ts";
import { compileFilter } from "../../lib/scan/filter.ts";

/** Relative paths, parents first; directories end in a slash. */
export type Tree = string[];

// The kind of an entry follows from its name, so that two trees never hold the same path as different kinds.
const fileName = fc.constantFrom("a", "b", "ab", "a.o", "b.txt", ".o", "x*", "[a]", "c\\d", "-", "]", "A1");
const directoryName = fc.constantFrom("d", "e", "da", "d.o", "*", "[d]", "d\\a", ".d");
const filePath = fc.tuple(fc.array(directoryName, { maxLength: 3 }), fileName).map(([above, name]) =>
  [...above, name].join("/")
);
const directoryPath = fc.array(directoryName, { minLength: 1, maxLength: 3 }).map((names) => names.join("/") + "/");
export const tree = fc.array(fc.oneof({ weight: 3, arbitrary: filePath }, directoryPath), {
  minLength: 4,
  maxLength: 25,
}).map(
  withParents,
);

const piece = fc.constantFrom(
  ..."a b d e o . - ] \\ a.o b.txt * * ** *** ? / / [ab] [!a] [^d] [a-d] [!]-] []a] [[:alpha:]] [[:punct:]] [\\]] \\* \\[ \\\\ \\a"
    .split(" "),
);
const pattern = fc.tuple(
  fc.constantFrom("", "", "/", "**/", "*"),
  fc.oneof(
    fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join("")),
    fileName,
    directoryName,
    fc.tuple(directoryName, fileName).map((names) => names.join("/")),
  ),
  fc.constantFrom("", "", "", "/", "/***", "/**", "*"),
).map((parts) => parts.join("")).filter(isWellFormed);
export const rule = fc.record({
  action: fc.constantFrom("include" as const, "exclude" as const, "exclude" as const),
  pattern,
});
/** A tree and the typed form of some of its entries. */
export const treeAndList = tree.chain((tree) =>
  fc.tuple(fc.constant(tree), fc.array(fc.constantFrom(...tree), { maxLength: 4 }))
);
export const rules = fc.array(rule, { minLength: 1, maxLength: 6 });

function isWellFormed(pattern: string): boolean {
  try {
    compileFilter({ rules: [{ action: "exclude", pattern }] }, 0);
    return true;
  } catch (error) {
    assert(error instanceof BlitError, `${error}`);
    return false;
  }
}

function withParents(paths: string[]): Tree {
  const all = new Set<string>();
  for (const path of paths) {
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) all.add(path.slice(0, end + 1));
    all.add(path);
  }
  return [...all].sort();
}
