/** Contract of links, deletions and directories; see engine_contract.ts. */

import { assertEquals, assertThrows } from "@std/assert";
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import type { LinkAnswer } from "../../lib/native/engine.ts";
import { isRoot, linux, testNeeding } from "../support/needs.ts";
import {
  Action,
  type Capabilities,
  checkedCode,
  failureOf,
  indexOf,
  type OpenEngine,
  required,
  Scene,
} from "./engine_harness.ts";

export function treeContract(name: string, open: OpenEngine, can: Capabilities): void {
  const test = (title: string, body: () => Promise<void>) => testNeeding([linux], `${name}: ${title}`, body);

  // --- links ---

  const link = (scene: Scene, batch: Parameters<typeof indexOf>[0], entry: string, target: string) =>
    scene.ask<LinkAnswer>((engine, done) =>
      engine.link({ dir: 0, batch, index: indexOf(batch, entry), target: { dir: 0, name: target } }, done)
    );

  test("a further name becomes the same file, whatever stood there", async () => {
    await using scene = await Scene.open(open, { backup: true });
    await scene.dir.write({ "src/a": "x", "src/b": "x", "src/c": "x", "dst/a": "x", "dst/c": "old" });
    const batch = await scene.batch({ all: true });
    for (const entry of ["b", "c"]) {
      const { error, same } = await link(scene, batch, entry, "a");
      assertEquals([error, same], [undefined, false]);
    }
    const inodes = [];
    for (const each of ["a", "b", "c"]) inodes.push((await scene.stat(`dst/${each}`)).ino);
    assertEquals(new Set(inodes).size, 1);
    assertEquals([await scene.names("dst"), await scene.dir.read("backup/c")], [["a", "b", "c"], "old"]);
    assertEquals((await link(scene, batch, "b", "a")).same, true);
    assertEquals(checkedCode((await link(scene, batch, "b", "missing")).error), "ENOENT");
    batch.release();
  });

  test("links of symlinks are links of the symlink", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/a": { to: "t" }, "src/b": { to: "t" }, "dst/a": { to: "t" } });
    const batch = await scene.batch({ all: true });
    assertEquals((await link(scene, batch, "b", "a")).error, undefined);
    assertEquals((await scene.stat("dst/b")).ino, (await scene.stat("dst/a")).ino);
    batch.release();
  });

  test("an engine that changes nothing only says whether the link is there", async () => {
    await using scene = await Scene.open(open, { readOnly: true });
    await scene.dir.write({ "src/a": "x", "src/b": "x", "dst/a": "x" });
    const batch = await scene.batch({ all: true });
    const { error, same } = await link(scene, batch, "b", "a");
    assertEquals([error, same], [undefined, false]);
    assertEquals((await link(scene, batch, "a", "a")).same, true);
    assertEquals(await scene.names("dst"), ["a"]);
    batch.release();
  });

  test("a move leaves sources with several names until they are forgotten", async () => {
    await using scene = await Scene.open(open, { move: true });
    await scene.dir.write({ "src/a": "x", "dst/m": "x" });
    for (const each of ["b", "m"]) await Deno.link(scene.dir.at("src/a"), scene.dir.at(`src/${each}`));
    await Deno.chmod(scene.dir.at("src/a"), 0o600);
    const batch = await scene.batch({ stat: true });
    const copied = await scene.apply(batch, { a: Action.Make, m: Action.Metadata }, { takeLinked: true });
    assertEquals([copied.details, (await link(scene, batch, "b", "a")).error], [[], undefined]);
    assertEquals([await scene.names("src"), await scene.names("dst")], [["a", "b", "m"], ["a", "b", "m"]]);
    const { Forget } = Action;
    assertEquals((await scene.apply(batch, { a: Forget, b: Forget, m: Forget })).details, []);
    assertEquals([await scene.names("src"), await scene.names("dst")], [[], ["a", "b", "m"]]);
    batch.release();
  });

  // --- deletions ---

  test("deleted entries are gone, and what is gone already is no failure", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({
      "dst/f": "",
      "dst/gone": "",
      "dst/s": { to: scene.dir.at("outside/keep") },
      "outside/keep": "",
    });
    const batch = await scene.batch();
    await Deno.remove(scene.dir.at("dst/gone"));
    const answer = await scene.remove(batch, ["f", "gone", "s"]);
    assertEquals([answer.details, answer.done], [[], 3]);
    assertEquals([await scene.names("dst"), await scene.names("outside")], [[], ["keep"]]);
    batch.release();
  });

  test("a directory is not deleted as if it were a file", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "dst/d": null, "dst/f": "" });
    const batch = await scene.batch();
    const answer = await scene.remove(batch, ["d", "f"]);
    failureOf(answer);
    assertEquals([answer.done, await scene.names("dst")], [1, ["d"]]);
    batch.release();
  });

  test("deleted entries go into the backup tree, with their directories", async () => {
    await using scene = await Scene.open(open, { backup: true });
    await scene.dir.write({ "src/d": null, "dst/d/f": "kept", "dst/d/s": { to: "t" } });
    await Deno.chmod(scene.dir.at("dst/d"), 0o750);
    const batch = await scene.batch();
    const { dir, answer } = await scene.tryDescend(batch, "d");
    const removed = await scene.ask<Parameters<typeof failureOf>[0]>((engine, done) =>
      engine.remove(dir, answer.batch!, [0, 1], done)
    );
    assertEquals([removed.details, removed.done], [[], 2]);
    assertEquals([await scene.names("dst/d"), await scene.names("backup/d")], [[], ["f", "s"]]);
    assertEquals([await scene.dir.read("backup/d/f"), (await scene.stat("backup/d")).mode! & 0o777], ["kept", 0o750]);
    answer.batch!.release();
    batch.release();
  });

  // --- directories ---

  test("a settled directory has mode and time of the source", async () => {
    await using scene = await Scene.open(open, { fsync: true });
    await scene.dir.write({ "src/d/f": "x" });
    await Deno.chmod(scene.dir.at("src/d"), 0o2751);
    await scene.dir.setTime("src/d", 1_234_567.5);
    const batch = await scene.batch();
    const dir = await scene.descend(batch, "d", { onDestination: false, make: true });
    const { error, lost } = await scene.settle(dir, { what: "metadata", drop: true });
    assertEquals([error, lost], [undefined, 0]);
    const facts = await scene.stat("dst/d");
    assertEquals([facts.mode! & 0o7777, facts.mtime?.getTime()], [0o2751, 1_234_567_500]);
    batch.release();
  });

  test("the root is settled too", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.setTime("src", 7_000_000);
    await Deno.chmod(scene.dir.at("src"), 0o711);
    (await scene.list()).batch?.release();
    assertEquals((await scene.settle(0, { what: "metadata" })).error, undefined);
    const facts = await scene.stat("dst");
    assertEquals([facts.mode! & 0o7777, facts.mtime?.getTime()], [0o711, 7_000_000_000]);
  });

  test("a directory is removed when it is empty, and known until then", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "dst/d/f": "" });
    const batch = await scene.batch();
    const dir = await scene.descend(batch, "d", { onSource: false });
    const full = await scene.settle(dir, { what: "remove", drop: true });
    assertEquals([checkedCode(full.error), scene.engine.pathOf(dir)], ["ENOTEMPTY", "d/"]);
    await Deno.remove(scene.dir.at("dst/d/f"));
    assertEquals((await scene.settle(dir, { what: "remove", drop: true })).error, undefined);
    assertEquals(await scene.names("dst"), []);
    assertThrows(() => scene.engine.pathOf(dir), RangeError);
    batch.release();
  });

  test("the source's directory is removed by a move when nothing is left in it", async () => {
    await using scene = await Scene.open(open, { move: true });
    await scene.dir.write({ "src/empty": null, "src/full/f": "" });
    const batch = await scene.batch();
    for (const each of ["empty", "full"]) {
      const dir = await scene.descend(batch, each, { onDestination: false, make: true });
      assertEquals((await scene.settle(dir, { what: "metadata", removeSource: true, drop: true })).error, undefined);
    }
    assertEquals([await scene.names("src"), await scene.names("dst")], [["full"], ["empty", "full"]]);
    batch.release();
  });

  test("a moved directory keeps the time that it had before it was emptied", async () => {
    await using scene = await Scene.open(open, { move: true });
    await scene.dir.write({ "src/d/f": "x" });
    await scene.dir.setTime("src/d", 3_000_000);
    const batch = await scene.batch();
    const { dir, answer } = await scene.tryDescend(batch, "d", { onDestination: false, make: true });
    const inside = required(answer.batch);
    assertEquals((await scene.apply(inside, { f: Action.Make }, { dir })).details, []);
    assertEquals((await scene.settle(dir, { what: "metadata", removeSource: true })).error, undefined);
    assertEquals([await scene.names("src"), (await scene.stat("dst/d")).mtime?.getTime()], [[], 3_000_000_000]);
    inside.release();
    batch.release();
  });

  test("the backup tree is not deleted, nor is the source", async () => {
    for (const [inside, code] of [["backup", "backup"], ["source", "inside"]]) {
      await using scene = await Scene.open((config) => {
        const path = `${config.destination}/kept`;
        Deno.mkdirSync(path);
        return open({ ...config, [inside]: path });
      });
      const batch = await scene.batch({ onSource: false });
      const { answer } = await scene.tryDescend(batch, "kept", { onSource: false });
      assertEquals([checkedCode(answer.error), answer.failedSide], [code, "destination"]);
      batch.release();
    }
  });

  test("directories are reached again after many others", async () => {
    await using scene = await Scene.open(open);
    const depth = 150;
    await scene.dir.write({ ["src/" + "d/".repeat(depth) + "f"]: "bottom" });
    const batches = [await scene.batch()];
    for (let level = 1; level <= depth; level++) {
      const parent = { dir: level - 1, batch: batches[level - 1], index: 0 };
      batches.push(await scene.batch({ dir: level, parent, onDestination: false, make: true }));
    }
    for (let i = 0; i < 300; i++) Deno.mkdirSync(scene.dir.at(`src/sibling${i}`));
    const siblings = await scene.batch();
    for (let i = 0; i < 300; i++) {
      const parent = { dir: 0, batch: siblings, index: indexOf(siblings, `sibling${i}`) };
      await scene.list({ dir: 1000 + i, parent, onDestination: false, make: true });
    }
    assertEquals((await scene.apply(batches[depth], { f: Action.Make }, { dir: depth })).details, []);
    assertEquals(await scene.dir.read("dst/" + "d/".repeat(depth) + "f"), "bottom");
    for (const batch of [...batches, siblings]) batch.release();
  });

  const deep = async () => {
    await using scene = await Scene.open(open);
    const part = "p".repeat(200);
    const depth = 30;
    using bottom = enter(scene.dir.at("src"), Array(depth).fill(part), true);
    Deno.writeTextFileSync(`${bottom.path}f`, "deep");
    let batch = await scene.batch();
    for (let level = 1; level <= depth; level++) {
      const parent = { dir: level - 1, batch, index: 0 };
      const next = await scene.batch({ dir: level, parent, onDestination: false, make: true });
      batch.release();
      batch = next;
    }
    assertEquals((await scene.apply(batch, { f: Action.Make }, { dir: depth })).details, []);
    assertEquals(scene.engine.pathOf(depth), `${part}/`.repeat(depth));
    batch.release();
    using copy = enter(scene.dir.at("dst"), Array(depth).fill(part), false);
    assertEquals(Deno.readTextFileSync(`${copy.path}f`), "deep");
  };
  if (can.anchored) test("deep trees are reached, also past the longest path", deep);

  const widened = async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/d/f": "x", "dst/d": null });
    await Deno.chmod(scene.dir.at("src/d"), 0o500);
    await Deno.chmod(scene.dir.at("dst/d"), 0);
    const batch = await scene.batch();
    const { dir, answer } = await scene.tryDescend(batch, "d");
    assertEquals((await scene.apply(answer.batch!, { f: Action.Make }, { dir })).details, []);
    assertEquals((await scene.settle(dir, { what: "metadata" })).error, undefined);
    assertEquals((await scene.stat("dst/d")).mode! & 0o777, 0o500);
    answer.batch!.release();
    batch.release();
  };
  // Root may read everything.
  if (!isRoot) test("a directory of ours that we may not read is widened and settled", widened);
}

/** Opens a directory below `path`, however long the way is; the path that it gives is good until it is disposed of. */
function enter(path: string, parts: readonly string[], make: boolean): Disposable & { readonly path: string } {
  let descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const part of parts) {
    const next = `/proc/self/fd/${descriptor}/${part}`;
    if (make) mkdirSync(next);
    const above = descriptor;
    descriptor = openSync(next, constants.O_RDONLY | constants.O_DIRECTORY);
    closeSync(above);
  }
  return { path: `/proc/self/fd/${descriptor}/`, [Symbol.dispose]: () => closeSync(descriptor) };
}
