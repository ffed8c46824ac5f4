/** The filter against the real rsync: generated trees, rules and lists; the same entries have to take part. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import type { FilterRule } from "../../lib/model/job.ts";
import { compileFilter, type Filter } from "../../lib/scan/filter.ts";
import { rule, rules, type Tree, tree, treeAndList } from "./filter_cases.ts";

function makeTree(root: string, tree: Tree): void {
  Deno.mkdirSync(root);
  for (const path of tree) {
    if (path.endsWith("/")) Deno.mkdirSync(join(root, path));
    else Deno.writeTextFileSync(join(root, path), "x".repeat(path.length));
  }
}

/** Runs rsync and returns the entries that it says it sends, without the root. */
function rsync(args: string[], source: string, destination: string): Tree {
  const { code, stdout, stderr } = new Deno.Command("rsync", {
    args: ["-r", "--out-format=%o|%n", ...args, `${source}/`, `${destination}/`],
    env: { LC_ALL: "C" },
  }).outputSync();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.filter((line) => line.startsWith("send|")).map((line) => line.slice("send|".length))
    .filter((path) => path !== "./").sort();
}

function ruleArguments(rules: readonly FilterRule[]): string[] {
  return rules.map(({ action, pattern }) => `--filter=${action === "include" ? "+" : "-"} ${pattern}`);
}

function listArguments(filesFrom: readonly string[] | undefined, directory: string): string[] {
  if (filesFrom === undefined) return [];
  const list = join(directory, "list");
  Deno.writeTextFileSync(list, filesFrom.map((path) => `${path}\n`).join(""));
  return [`--files-from=${list}`];
}

function fileSize(path: string) {
  return { size: path.length, mtimeMs: 0 };
}

/** Keeps the entries that the test lets through, and nothing below a directory that it does not. */
function walk(tree: Tree, test: (path: string, isDirectory: boolean) => boolean): Tree {
  const kept = new Set<string>(["./"]);
  for (const typed of tree) {
    const isDirectory = typed.endsWith("/");
    const path = isDirectory ? typed.slice(0, -1) : typed;
    const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "./";
    if (kept.has(parent) && test(path, isDirectory)) kept.add(typed);
  }
  kept.delete("./");
  return [...kept].sort();
}

function takingPart(filter: Filter, tree: Tree): Tree {
  return walk(
    tree,
    (path, isDirectory) => isDirectory ? filter.includesDirectory(path) : filter.includesFile(path, fileSize(path)),
  );
}

function withTemporaryDirectory(body: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "blit-filter-" });
  try {
    body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function hasRsync(): boolean {
  try {
    return new Deno.Command("rsync", { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A test that compares generated cases with rsync; skipped where that is not installed, bounded in time. */
function testAgainstRsync<Case>(
  name: string,
  numRuns: number,
  cases: fc.Arbitrary<Case>,
  body: (generated: Case, directory: string) => void,
) {
  const run = (generated: Case) => withTemporaryDirectory((directory) => body(generated, directory));
  const bounds = { numRuns, interruptAfterTimeLimit: 60_000 };
  Deno.test({ name, ignore: !hasRsync(), fn: () => fc.assert(fc.property(cases, run), bounds) });
}

testAgainstRsync(
  "rules take the same entries as rsync's",
  40,
  fc.record({ tree, ruleLists: fc.array(rules, { minLength: 3, maxLength: 3 }) }),
  ({ tree, ruleLists }, directory) => {
    const source = join(directory, "source");
    makeTree(source, tree);
    for (const rules of ruleLists) {
      const expected = rsync(["-n", ...ruleArguments(rules)], source, join(directory, "none"));
      assertEquals(takingPart(compileFilter({ rules }, 0), tree), expected);
    }
  },
);

testAgainstRsync(
  "a list with rules takes the same files as rsync --files-from",
  40,
  fc.record({ treeAndList, rules: fc.array(rule, { maxLength: 3 }) }),
  ({ treeAndList: [tree, filesFrom], rules }, directory) => {
    const source = join(directory, "source");
    makeTree(source, tree);
    const args = ["-n", ...listArguments(filesFrom, directory), ...ruleArguments(rules)];
    const expected = rsync(args, source, join(directory, "none"));
    const found = takingPart(compileFilter({ rules, filesFrom }, 0), tree);
    // Of a listed entry that a rule hides, rsync leaves out the directories above it too; blit makes them.
    const isFile = (path: string) => !path.endsWith("/");
    assertEquals(found.filter(isFile), expected.filter(isFile));
    assertEquals(expected.filter((path) => !found.includes(path)), []);
  },
);

testAgainstRsync(
  "extras are deleted and protected as by rsync --delete",
  60,
  fc.record({
    treeAndList,
    destinationTree: tree,
    rules,
    maxSize: fc.option(fc.nat(8), { nil: undefined }),
    withList: fc.boolean(),
  }),
  ({ treeAndList: [tree, list], destinationTree, rules, maxSize, withList }, directory) => {
    const [source, destination] = [join(directory, "source"), join(directory, "destination")];
    makeTree(source, tree);
    makeTree(destination, destinationTree);
    const filesFrom = withList ? list : undefined;
    // Nothing but deletions. Not as a dry run: that does not see when a directory stays because of its content.
    const args = ["--delete", "--existing", "--ignore-existing", ...ruleArguments(rules)];
    if (maxSize !== undefined) args.push(`--max-size=${maxSize}`);
    rsync([...args, ...listArguments(filesFrom, directory)], source, destination);
    const filter = compileFilter({ rules, filesFrom, maxSize }, 0);
    const gone = destinationTree.filter((path) => !exists(destination, path));
    assertEquals(deletions(filter, tree, destinationTree), gone);
  },
);

function exists(root: string, path: string): boolean {
  try {
    Deno.lstatSync(join(root, path));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Extras as a mirror deletes them: what the source does not name, unless it or something below it is protected. */
function deletions(filter: Filter, source: Tree, destination: Tree): Tree {
  const named = walk(source, filter.includesName);
  const deletable = walk(
    destination,
    (path, isDirectory) => named.includes(isDirectory ? `${path}/` : path) || filter.mayDelete(path, isDirectory),
  );
  const extras = deletable.filter((path) => !named.includes(path));
  return extras.filter((extra) =>
    destination.every((path) => !path.startsWith(extra) || extras.includes(path) || !extra.endsWith("/"))
  );
}
