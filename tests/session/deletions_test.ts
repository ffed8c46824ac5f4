/** What a mirror deletes, over trees in memory, with failures anywhere and answers in any order. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Summary } from "../../lib/model/event.ts";
import type { Job } from "../../lib/model/job.ts";
import { compileFilter } from "../../lib/scan/filter.ts";
import { Tally } from "../../lib/session/tally.ts";
import { TreeRun } from "../../lib/session/tree_run.ts";
import { FakeEngine, type Tree } from "../support/fake_engine.ts";

const name = fc.constantFrom("a", "b", "c");
const { tree } = fc.letrec<{ tree: Tree; directory: Tree }>((tie) => ({
  tree: fc.oneof({ depthSize: "small" }, fc.constantFrom("1", "2"), tie("directory")),
  directory: fc.dictionary(name, tie("tree"), { maxKeys: 3 }) as fc.Arbitrary<Tree>,
}));
const root = fc.dictionary(name, tree, { maxKeys: 3 }) as fc.Arbitrary<Tree>;

/** Every path below, directories before what is in them. */
function pathsOf(tree: Tree, above = ""): string[] {
  if (typeof tree === "string") return [];
  return Object.entries(tree).flatMap(([name, entry]) => [above + name, ...pathsOf(entry, `${above}${name}/`)]);
}

function find(tree: Tree | undefined, path: string): Tree | undefined {
  return path.split("/").reduce<Tree | undefined>(
    (found, name) => typeof found === "object" ? found[name] : undefined,
    tree,
  );
}

interface Scene {
  readonly source: Tree;
  readonly destination: Tree;
  readonly unreadable: readonly string[];
  readonly unlisted: readonly string[];
  readonly order: readonly number[];
  readonly max?: number;
}

const scenes: fc.Arbitrary<Scene> = fc.record({
  source: root,
  destination: root,
  unreadable: fc.array(fc.nat(20), { maxLength: 2 }),
  unlisted: fc.array(fc.nat(20), { maxLength: 1 }),
  order: fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }),
  max: fc.option(fc.nat(8), { nil: undefined }),
}).map((scene) => ({
  ...scene,
  unreadable: picked(pathsOf(scene.source), scene.unreadable),
  unlisted: picked(pathsOf(scene.destination), scene.unlisted),
}));

function picked(paths: readonly string[], numbers: readonly number[]): string[] {
  return numbers.flatMap((number) => paths[number] ?? []);
}

interface Outcome {
  readonly destination: Tree;
  readonly removed: readonly string[];
  readonly summary: Summary;
}

async function mirror(scene: Scene, dryRun = false): Promise<Outcome> {
  const destination = structuredClone(scene.destination);
  let turn = 0;
  const choose = (count: number) => scene.order[turn++ % scene.order.length] % count;
  const faults = { source: new Set(scene.unreadable), destination: new Set(scene.unlisted) };
  const engine = new FakeEngine(scene.source, destination, faults, choose);
  const job = {
    ...{ verb: "mirror", sources: ["s/"], destination: "d", dryRun, compare: "quick", filter: { rules: [] } },
    ...{ deletion: { scope: "subset", max: scene.max }, stallTimeoutMs: Infinity, workers: 1 },
  } as unknown as Job;
  const tally = new Tally(job, () => {});
  const sizing = { workers: 1, workersMax: 1, rangeBytes: 1 << 20, disks: [] };
  const rootState = { exists: true, fresh: false, counted: false, giveUp: () => new Error("stands still"), ...sizing };
  const placement = { sourceRoot: "s", destinationRoot: "d", filterPrefix: "", removeRoot: false };
  await new TreeRun(job, placement, compileFilter(job.filter, 0), engine, tally, rootState).execute();
  return { destination, removed: engine.removed, summary: tally.summary(false) };
}

/** What goes: entries that the source has not, or has as another kind, and all below them. */
function extrasOf({ source, destination }: Scene): string[] {
  return pathsOf(destination).filter((path) => typeof find(source, path) !== typeof find(destination, path));
}

const runs = { numRuns: 2000 };

Deno.test("a mirror is exact, with --max-delete too where that allows it, and deletes nothing where it does not", async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const extras = extrasOf(scene);
      const { destination, removed } = await mirror({ ...scene, unreadable: [], unlisted: [] });
      if (extras.length > (scene.max ?? Infinity)) return assertEquals(removed, []);
      assertEquals(destination, scene.source);
      assertEquals([...removed].sort(), extras.sort());
    }),
    runs,
  );
});

Deno.test("nothing is deleted where anything of the source cannot be read, in whatever order answers come", async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      // What is as it should be, by size and time, is not opened.
      const read = scene.unreadable.filter((path) => {
        const entry = find(scene.source, path);
        return typeof entry === "object" || entry !== find(scene.destination, path);
      });
      fc.pre(read.length > 0);
      const { removed, summary } = await mirror({ ...scene, unlisted: [] });
      assertEquals(removed, []);
      assertEquals([summary.filesDeleted, summary.directoriesDeleted, summary.status], [0, 0, "partial"]);
    }),
    runs,
  );
});

Deno.test("with --max-delete nothing is deleted where an extra directory cannot be counted", async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const uncounted = extrasOf(scene).filter((path) =>
        scene.unlisted.includes(path) && typeof find(scene.destination, path) === "object"
      );
      fc.pre(uncounted.length > 0);
      const { removed } = await mirror({ ...scene, unreadable: [], max: 1000 });
      assertEquals(removed, []);
    }),
    runs,
  );
});

Deno.test("a dry run removes nothing and counts what the real run does", async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const dry = await mirror(scene, true);
      assertEquals([dry.destination, dry.removed], [scene.destination, []]);
      const real = await mirror(scene);
      const counts = ({ summary }: Outcome) => [summary.filesDeleted, summary.directoriesDeleted, summary.filesFailed];
      assertEquals(counts(dry), counts(real));
      assertEquals(real.removed.length, real.summary.filesDeleted + real.summary.directoriesDeleted);
    }),
    runs,
  );
});
