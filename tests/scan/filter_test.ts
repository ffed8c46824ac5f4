import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BlitError } from "../../lib/base/errors.ts";
import type { FilterOptions } from "../../lib/model/job.ts";
import { compileFilter, type Filter } from "../../lib/scan/filter.ts";
import { referenceMatches } from "./reference_matcher.ts";

const startMs = 1_000_000_000;

/** Rules as rsync writes them: "- *.o", "+ keep". */
function filterOf(rules: string[], options: Partial<FilterOptions> = {}): Filter {
  return compileFilter({ rules: rules.map(parseRule), ...options }, startMs);
}

function parseRule(rule: string): FilterOptions["rules"][number] {
  return { action: rule.startsWith("+") ? "include" : "exclude", pattern: rule.slice(2) };
}

/** Walks a tree as the scan does and returns what takes part. Directories end in a slash and stand before their content. */
function taken(filter: Filter, tree: string[]): string[] {
  const pruned: string[] = [];
  return tree.filter((typed) => {
    if (pruned.some((directory) => typed.startsWith(directory))) return false;
    if (!typed.endsWith("/")) return filter.includesFile(typed);
    const included = filter.includesDirectory(typed.slice(0, -1));
    if (!included) pruned.push(typed);
    return included;
  });
}

Deno.test("without rules, list and limits everything passes", () => {
  const filter = filterOf([]);
  assertEquals([filter.passesEverything, filter.needsStat], [true, false]);
  assert(filter.includesFile("a") && filter.includesDirectory("b") && filter.mayDelete("c", false));
  assert(filterOf(["+ a", "+ *.b"]).passesEverything, "includes alone hide nothing");
  assert(!filterOf(["- a"]).passesEverything);
  assert(!filterOf([], { filesFrom: [] }).passesEverything);
  assert(!filterOf([], { maxSize: 1 }).passesEverything);
});

Deno.test("a malformed pattern is refused even where it could hide nothing", () => {
  assertThrows(() => filterOf(["- a", "+ [b"]), BlitError, "[b");
});

Deno.test("the first matching rule decides", () => {
  const filter = filterOf(["+ keep.o", "- *.o", "+ *.o", "+ x"]);
  assertEquals(taken(filter, ["keep.o", "a.o", "x", "y"]), ["keep.o", "x", "y"]);
});

Deno.test("an excluded directory takes its content with it", () => {
  const tree = ["a/", "a/keep", "build/", "build/keep", "build/x", "c/", "c/build"];
  assertEquals(taken(filterOf(["+ keep", "- build/"]), tree), ["a/", "a/keep", "c/", "c/build"]);
});

Deno.test("directories can be kept open to reach files", () => {
  const tree = ["a/", "a/b/", "a/b/x.c", "a/b/x.o", "y.c"];
  assertEquals(taken(filterOf(["+ */", "+ *.c", "- *"]), tree), ["a/", "a/b/", "a/b/x.c", "y.c"]);
});

Deno.test("limits on size include their bounds and leave alone what has no size", () => {
  const filter = filterOf([], { minSize: 10, maxSize: 20 });
  assert(filter.needsStat);
  const sizes = [9, 10, 20, 21].map((size) => filter.includesFile("f", { size, mtimeMs: 0 }));
  assertEquals(sizes, [false, true, true, false]);
  assert(filter.includesFile("symlink"));
  assert(filter.includesDirectory("directory"));
});

Deno.test("ages are taken against the start of the run", () => {
  const filter = filterOf([], { minAgeMs: 100, maxAgeMs: 200 });
  const included = [99, 100, 200, 201, -5].map((age) => filter.includesFile("f", { size: 0, mtimeMs: startMs - age }));
  assertEquals(included, [false, true, true, false, false]);
  assert(filterOf([], { maxAgeMs: 200 }).includesFile("f", { size: 0, mtimeMs: startMs + 5 }), "the future is young");
});

Deno.test("rules and limits both have to let a file pass", () => {
  const filter = filterOf(["- *.o"], { maxSize: 5 });
  assert(filter.includesFile("a", { size: 5, mtimeMs: 0 }));
  assert(!filter.includesFile("a", { size: 6, mtimeMs: 0 }));
  assert(!filter.includesFile("a.o", { size: 5, mtimeMs: 0 }));
});

Deno.test("a list takes its entries, their content and the way to them", () => {
  const tree = ["a/", "a/b/", "a/b/c", "a/b/d", "a/e", "f/", "f/g/", "f/g/h", "i", "j"];
  const filter = filterOf([], { filesFrom: ["/a//./b/x/../c", "f/", "", "i"] });
  assertEquals(taken(filter, tree), ["a/", "a/b/", "a/b/c", "f/", "f/g/", "f/g/h", "i"]);
  assertEquals([...filter.listed!], ["a/b/c", "f", "i"]);
});

Deno.test("a listed root takes everything and an empty list nothing", () => {
  const tree = ["a/", "a/b", "c"];
  for (const root of [".", "/", "./", "a/.."]) assertEquals(taken(filterOf([], { filesFrom: [root] }), tree), tree);
  assertEquals(taken(filterOf([], { filesFrom: [] }), tree), []);
});

Deno.test("a file in the way to a listed entry is not taken", () => {
  assertEquals(taken(filterOf([], { filesFrom: ["a/b"] }), ["a"]), []);
});

Deno.test("a listed entry that leads out of the source is refused", () => {
  for (const entry of ["..", "../a", "a/../../b", "/..", "../a\n"]) {
    const error = assertThrows(() => filterOf([], { filesFrom: ["ok", entry] }), BlitError, "leads out of the source");
    assertEquals(error.code, "usage");
    assert(!error.message.includes("\n"));
  }
  assertEquals([...filterOf([], { filesFrom: ["..a", "b../c", "..."] }).listed!], ["..a", "b../c", "..."]);
});

Deno.test("rules hold for listed entries and their content but not for the way to them", () => {
  const tree = ["a/", "a/b/", "a/b/c", "a/b/x.o", "a/y", "d/", "d/x.o", "d/e/", "d/e/f", "d/e/g"];
  const filter = filterOf(["- *.o", "- a/", "- e/"], { filesFrom: ["a/b/c", "a/b/x.o", "d", "d/e/f"] });
  assertEquals(taken(filter, tree), ["a/", "a/b/", "a/b/c", "d/", "d/e/", "d/e/f"]);
});

Deno.test("an excluded entry of the destination is protected, one hidden by limits is still known by its name", () => {
  const filter = filterOf(["- *.o", "- build/"], { maxSize: 5 });
  assert(filter.mayDelete("a", false));
  assert(!filter.mayDelete("x/a.o", false));
  assert(!filter.mayDelete("build", true));
  assert(filter.mayDelete("build", false));
  const big = { size: 6, mtimeMs: 0 };
  assert(!filter.includesFile("a", big));
  assert(filter.includesName("a", false) && !filter.withinLimits(big));
});

Deno.test("with a list only the content of listed directories may be deleted", () => {
  const filter = filterOf(["- *.o"], { filesFrom: ["a/b", "c"] });
  const asked: [string, boolean][] = [
    ["a", true],
    ["a/x", false],
    ["a/b", true],
    ["a/b/x", false],
    ["a/b/x.o", false],
    ["c", false],
    ["d", false],
  ];
  assertEquals(asked.filter(([path, isDirectory]) => filter.mayDelete(path, isDirectory)).map(([path]) => path), [
    "a/b/x",
  ]);
  assert(filterOf([], { filesFrom: ["."] }).mayDelete("x", false));
});

const component = fc.constantFrom("a", "b", "ab", "a.b", "\udc80");
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join("/"));
const pattern = fc.array(fc.constantFrom("a", "b", ".", "\udc80", "*", "**", "?", "/", "[!a]", "/***"), {
  minLength: 1,
  maxLength: 5,
})
  .map((pieces) => pieces.join("")).filter((pattern) => !/^\/*$/.test(pattern));
const rules = fc.array(fc.record({ action: fc.constantFrom("include" as const, "exclude" as const), pattern }), {
  maxLength: 6,
});

Deno.test("a list of rules decides as the first reference match does", () => {
  fc.assert(
    fc.property(rules, path, fc.boolean(), (rules, path, isDirectory) => {
      const first = rules.find((rule) => referenceMatches(rule.pattern, path, isDirectory));
      const expected = first === undefined || first.action === "include";
      const filter = compileFilter({ rules }, startMs);
      assertEquals(filter.includesName(path, isDirectory), expected);
      assertEquals(isDirectory ? filter.includesDirectory(path) : filter.includesFile(path), expected);
      assertEquals(filter.mayDelete(path, isDirectory), expected);
      assert(expected || !filter.passesEverything);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("the answer does not depend on the order of the questions", () => {
  fc.assert(
    fc.property(rules, fc.array(path, { maxLength: 4 }), fc.array(path), (rules, filesFrom, paths) => {
      const shared = compileFilter({ rules, filesFrom }, startMs);
      for (const path of paths) {
        const fresh = compileFilter({ rules, filesFrom }, startMs);
        assertEquals(shared.includesName(path, false), fresh.includesName(path, false));
        assertEquals(shared.mayDelete(path, true), fresh.mayDelete(path, true));
      }
    }),
    { numRuns: 300 },
  );
});
