/** Contract of large files, in ranges; see engine_contract.ts. */

import { assertEquals } from "@std/assert";
import type { Answer, EntryBatch, LargeAnswer } from "../../lib/native/engine.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { checkedCode, type OpenEngine, pattern, required, Scene } from "./engine_harness.ts";

const MIB = 1 << 20;
const SIZE = 3 * MIB + 77;

export function largeContract(name: string, open: OpenEngine): void {
  const test = (title: string, body: () => Promise<void>) => testNeeding([linux], `${name}: ${title}`, body);

  test("a large file is put together from its ranges", async () => {
    for (const verify of [false, true]) {
      await using scene = await Scene.open(open, { verify });
      await scene.dir.write({ "src/f": pattern(SIZE), "dst/f": "old" });
      await scene.dir.setTime("src/f", 1_111_111);
      await Deno.chmod(scene.dir.at("src/f"), 0o640);
      const batch = await scene.batch();
      const { handle } = await openLarge(scene, batch);
      if (handle !== undefined) {
        for (const at of [2 * MIB, 0, MIB]) {
          const length = at === 2 * MIB ? SIZE - at : MIB;
          assertEquals((await range(scene, handle, at, length)).error, undefined);
          assertEquals(await scene.dir.read("dst/f"), "old");
        }
        assertEquals((await finish(scene, handle, true)).error, undefined);
      }
      const facts = await scene.stat("dst/f");
      assertEquals(await Deno.readFile(scene.dir.at("dst/f")), pattern(SIZE));
      assertEquals([facts.mode! & 0o777, facts.mtime?.getTime()], [0o640, 1_111_111_000]);
      assertEquals(await scene.names("dst"), ["f"]);
      assertEquals(scene.engine.progress().bytesMoved, SIZE);
      batch.release();
    }
  });

  test("a large file that is given up leaves no trace", async () => {
    await using scene = await Scene.open(open, { verify: true });
    await scene.dir.write({ "src/f": pattern(SIZE), "dst/f": "old" });
    const batch = await scene.batch();
    const handle = required((await openLarge(scene, batch)).handle);
    await range(scene, handle, 0, MIB);
    assertEquals((await finish(scene, handle, false)).error, undefined);
    assertEquals([await scene.names("dst"), await scene.dir.read("dst/f")], [["f"], "old"]);
    batch.release();
  });

  test("a large file that is still open when the engine closes leaves no trace", async () => {
    await using scene = await Scene.open(open, { verify: true });
    await scene.dir.write({ "src/f": pattern(SIZE) });
    const batch = await scene.batch();
    const handle = required((await openLarge(scene, batch)).handle);
    await range(scene, handle, 0, MIB);
    batch.release();
    await scene.close();
    assertEquals(await scene.names("dst"), []);
  });

  test("a large file that changed meanwhile stays as it was", async () => {
    await using scene = await Scene.open(open, { verify: true });
    await scene.dir.write({ "src/f": pattern(SIZE), "dst/f": "old" });
    const batch = await scene.batch();
    const handle = required((await openLarge(scene, batch)).handle);
    await range(scene, handle, 0, MIB);
    await Deno.truncate(scene.dir.at("src/f"), MIB);
    assertEquals(checkedCode((await range(scene, handle, MIB, MIB)).error), "changed");
    assertEquals(checkedCode((await finish(scene, handle, true)).error), "changed");
    assertEquals([await scene.names("dst"), await scene.dir.read("dst/f")], [["f"], "old"]);
    batch.release();
  });

  test("a large file that grew is there with what it held at first, and named", async () => {
    await using scene = await Scene.open(open, { verify: true });
    await scene.dir.write({ "src/f": pattern(SIZE) });
    const batch = await scene.batch();
    const handle = required((await openLarge(scene, batch)).handle);
    await range(scene, handle, 0, SIZE);
    await Deno.writeTextFile(scene.dir.at("src/f"), "more", { append: true });
    assertEquals(checkedCode((await finish(scene, handle, true)).error), "changed");
    assertEquals(await Deno.readFile(scene.dir.at("dst/f")), pattern(SIZE));
    assertEquals(await scene.names("dst"), ["f"]);
    batch.release();
  });

  test("a large file that is only read is counted", async () => {
    await using scene = await Scene.open(open, { discard: true });
    await scene.dir.write({ "src/f": pattern(SIZE) });
    const batch = await scene.batch({ onDestination: false });
    const opened = await openLarge(scene, batch);
    const handle = required(opened.handle);
    assertEquals(opened.size, SIZE);
    await range(scene, handle, 0, SIZE);
    assertEquals((await finish(scene, handle, true)).error, undefined);
    assertEquals([scene.engine.progress().bytesByMethod.discarded, await scene.names("dst")], [SIZE, []]);
    batch.release();
  });

  test("a large file is removed from the source by a move, and the old one is kept", async () => {
    await using scene = await Scene.open(open, { move: true, backup: true });
    await scene.dir.write({ "src/f": pattern(SIZE), "dst/f": "old" });
    const batch = await scene.batch();
    const { handle } = await openLarge(scene, batch);
    if (handle !== undefined) {
      await range(scene, handle, 0, SIZE);
      assertEquals((await finish(scene, handle, true)).error, undefined);
    }
    assertEquals([await scene.names("src"), await scene.dir.read("backup/f")], [[], "old"]);
    assertEquals(await Deno.readFile(scene.dir.at("dst/f")), pattern(SIZE));
    batch.release();
  });

  test("a large file that vanished is named", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": pattern(SIZE) });
    const batch = await scene.batch();
    await Deno.remove(scene.dir.at("src/f"));
    const answer = await scene.ask<LargeAnswer>((engine, done) => engine.openLarge(0, batch, 0, done));
    assertEquals([checkedCode(answer.error), answer.handle], ["ENOENT", undefined]);
    assertEquals(await scene.names("dst"), []);
    batch.release();
  });
}

async function openLarge(scene: Scene, batch: EntryBatch): Promise<LargeAnswer> {
  const answer = await scene.ask<LargeAnswer>((engine, done) => engine.openLarge(0, batch, 0, done));
  assertEquals(answer.error, undefined);
  return answer;
}

function range(scene: Scene, handle: bigint, offset: number, length: number): Promise<Answer> {
  return scene.ask((engine, done) => engine.copyRange(0, handle, offset, length, done));
}

function finish(scene: Scene, handle: bigint, commit: boolean): Promise<Answer> {
  return scene.ask((engine, done) => engine.finishLarge(0, handle, commit, done));
}
