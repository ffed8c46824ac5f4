/**
 * Whole runs against the real rsync: random trees, random rules, lists and files of rules; afterwards both destinations are the same.
 *
 * What blit does otherwise on purpose stands in docs/design.md ("Where filters are not rsync's"); here each such difference has a name, and
 * is left out of the comparison where it applies and nowhere else.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { FilterRule } from "../../lib/model/job.ts";
import { testDirectory } from "../support/environment.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { type Blit, loadBlit } from "../model/stage.ts";
import { rules, type Tree, tree, treeAndList } from "./filter_cases.ts";

interface Case {
  readonly treeAndList: [Tree, string[]];
  readonly destination: Tree;
  readonly rules: readonly FilterRule[];
  readonly fromFile: readonly FilterRule[];
  readonly withList: boolean;
  readonly mirror: boolean;
  readonly maxSize?: number;
  /** The source is named without a slash at its end: it goes into the destination. */
  readonly nested: boolean;
  /** The list names something that is not there. */
  readonly missing: boolean;
  /** What the rules hide is deleted, too. */
  readonly deletesHidden: boolean;
  /** Entries of the destination, by number, that are of the other kind. */
  readonly swapped: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  treeAndList,
  destination: tree,
  rules: fc.oneof(fc.constant([]), rules),
  fromFile: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: rules }),
  withList: fc.nat(3).map((number) => number === 0),
  mirror: fc.boolean(),
  maxSize: fc.option(fc.nat(8), { nil: undefined, freq: 4 }),
  nested: fc.nat(3).map((number) => number === 0),
  missing: fc.nat(5).map((number) => number === 0),
  deletesHidden: fc.nat(4).map((number) => number === 0),
  swapped: fc.array(fc.nat(30), { maxLength: 3 }),
});

/** Named difference "kinds": without deletions rsync puts a directory in a file's place and a file in an empty directory's, blit refuses. */
const swapsKinds = ({ mirror, withList }: Case) => mirror && !withList; // a way to a hidden entry would take a file's place

/** Named difference "nesting lists": with a list rsync takes a source without a slash for its contents, blit nests it as ever. */
const nests = ({ nested, withList }: Case) => nested && !withList;

/** Named difference "missing names": rsync deletes although a name of the list is missing, blit deletes nothing. */
const misses = ({ missing, mirror }: Case) => missing && !mirror;

/** All was done; something failed. */
const codes: Readonly<Record<number, number>> = { 0: 0, 23: 2 };

testNeeding([linux, command("rsync")], "a filtered copy or mirror leaves the tree that rsync leaves", async () => {
  const blit = await loadBlit(new URL("../..", import.meta.url).pathname);
  await fc.assert(fc.asyncProperty(cases, (each) => compare(each, blit)), {
    numRuns: 200,
    interruptAfterTimeLimit: 60_000,
  });
});

async function compare(each: Case, blit: Blit): Promise<void> {
  await using dir = await testDirectory();
  const [source, list] = each.treeAndList;
  await makeTree(dir.at("s"), source, "s");
  for (const name of ["rsync", "blit"]) {
    const inside = nests(each) ? `${name}/s` : name;
    await Deno.mkdir(dir.at(name));
    await makeTree(dir.at(inside), each.destination, "d");
    if (swapsKinds(each)) await swap(dir.at(inside), each);
  }
  const options = each.rules.flatMap(({ action, pattern }) => [`--${action}`, pattern]);
  if (each.fromFile.length > 0) {
    const lines = each.fromFile.map(({ action, pattern }) => `${action === "include" ? "+" : "-"} ${pattern}\n`);
    await Deno.writeTextFile(dir.at("rules"), lines.join(""));
    options.push("--exclude-from", dir.at("rules"));
  }
  if (each.withList) {
    const all = misses(each) ? [...list, "absent"] : list;
    await Deno.writeTextFile(dir.at("list"), all.map((path) => `${path}\n`).join(""));
    options.push("--files-from", dir.at("list"));
  }
  if (each.maxSize !== undefined) options.push("--max-size", `${each.maxSize}`);
  const scope = each.deletesHidden && !each.withList;
  const deletes = !each.mirror ? [] : scope ? ["--delete-excluded"] : ["--delete"];
  const verb = each.mirror ? ["mirror", ...scope ? ["--delete-scope", "all"] : []] : ["copy"];
  const from = dir.at(nests(each) ? "s" : "s/");
  const theirs = await new Deno.Command("rsync", {
    args: ["-a", "-r", ...deletes, ...options, from, dir.at("rsync/")],
    env: { LC_ALL: "C" },
  }).output();
  const ours = await blit.run([...verb, "--yes", ...options, from, dir.at("blit/")]);
  assertEquals(ours.code, codes[theirs.code], `${ours.stderr}${new TextDecoder().decode(theirs.stderr)}`);
  const leave = each.withList ? withoutEmptyWays(list) : (listing: string[]) => listing;
  assertEquals(leave(await listTree(dir.at("blit"))), leave(await listTree(dir.at("rsync"))));
}

/** Named difference "ways to hidden entries": blit makes the directories above a listed entry that a rule hides, rsync does not. */
function withoutEmptyWays(list: readonly string[]): (listing: string[]) => string[] {
  return (listing) => {
    const kept = [...listing];
    for (const path of [...listing].reverse()) {
      const isWay = path.endsWith("/") && list.some((listed) => listed.startsWith(path) && listed !== path);
      if (isWay && !kept.some((other) => other !== path && other.startsWith(path))) kept.splice(kept.indexOf(path), 1);
    }
    return kept;
  };
}

async function makeTree(root: string, tree: Tree, content: string): Promise<void> {
  await Deno.mkdir(root, { recursive: true });
  for (const path of tree) {
    if (path.endsWith("/")) await Deno.mkdir(`${root}/${path}`);
    else {
      await Deno.writeTextFile(`${root}/${path}`, content.repeat(path.length));
      // rsync takes files of equal size and of the same second for equal.
      await Deno.utime(`${root}/${path}`, content.charCodeAt(0), content.charCodeAt(0));
    }
  }
}

/** Files become directories with something in them, directories become files. */
async function swap(root: string, { destination, swapped }: Case): Promise<void> {
  for (const number of swapped) {
    const path = `${root}/${destination[number % destination.length]}`;
    // What was in a directory that has been swapped is gone.
    if (await Deno.lstat(path).then(() => false, () => true)) continue;
    await Deno.remove(path, { recursive: true });
    if (path.endsWith("/")) await Deno.writeTextFile(path.slice(0, -1), "swapped");
    else {
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/b.txt`, "swapped");
    }
  }
}

/** "path/" for directories, "path=content" for files. */
async function listTree(root: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${below}`)) {
    const path = `${below}${name}`;
    if (isDirectory) found.push(`${path}/`, ...await listTree(root, `${path}/`));
    else found.push(`${path}=${await Deno.readTextFile(`${root}/${path}`)}`);
  }
  return found.sort();
}
