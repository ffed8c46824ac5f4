/** Contract of the engine's own life: requests, answers, stop and close; see engine_contract.ts. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BlitError } from "../../lib/base/errors.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { Action, indexOf, type OpenEngine, pattern, plainConfig, Scene } from "./engine_harness.ts";

const MIB = 1 << 20;

export function lifeContract(name: string, open: OpenEngine): void {
  const test = (title: string, body: () => Promise<void>) => testNeeding([linux], `${name}: ${title}`, body);

  test("a stopped engine leaves old files whole and nothing of its own", async () => {
    await using scene = await Scene.open(open, { bytesPerSecond: MIB, largeBytes: 64 * MIB });
    await scene.dir.write({ "src/f": pattern(16 * MIB), "dst/f": "old", "src/g": pattern(16 * MIB) });
    const batch = await scene.batch();
    const entries = [{ index: indexOf(batch, "f"), action: Action.Replace }, {
      index: indexOf(batch, "g"),
      action: Action.Make,
    }];
    let answered = false;
    scene.engine.apply({ dir: 0, batch, entries, takeLinked: false }, () => answered = true);
    const timer = setInterval(() => {
      if (scene.engine.progress().bytesMoved > 0) scene.engine.stop();
    }, 5);
    await scene.engine.drain();
    clearInterval(timer);
    await scene.close();
    assertEquals([answered, await scene.dir.read("dst/f")], [false, "old"]);
    assertEquals(await scene.names("dst"), ["f"]);
    batch.release();
  });

  test("a root that cannot be opened is named, with the side that it is", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "file": "", "a": null, "b": null });
    const at = { source: scene.dir.at("a"), destination: scene.dir.at("b") };
    const said = { source: "source", destination: "destination", backup: "backup directory" };
    for (const [side, words] of Object.entries(said)) {
      const message = `Cannot open the ${words} "${scene.dir.at("file")}": not a directory`;
      assertThrows(() => open({ ...plainConfig, ...at, [side]: scene.dir.at("file") }), BlitError, message);
    }
  });

  test("an engine that changes nothing takes no request that would", async () => {
    await using scene = await Scene.open(open, { readOnly: true });
    await scene.dir.write({ "src/d": null, "src/f": "x", "dst/x": "" });
    const batch = await scene.batch();
    await assertRejects(() => scene.remove(batch, ["x"]), BlitError);
    await assertRejects(() => scene.tryDescend(batch, "d", { onDestination: false, make: true }), BlitError);
    await assertRejects(() => scene.settle(0, { what: "metadata" }), BlitError);
    assertEquals(await scene.names("dst"), ["x"]);
    batch.release();
  });

  test("many requests at once each get their answer", async () => {
    await using scene = await Scene.open(open, { workers: 3 });
    for (let i = 0; i < 300; i++) Deno.writeTextFileSync(scene.dir.at(`src/f${i}`), String(i));
    const batch = await scene.batch();
    let done = 0;
    for (let i = 0; i < 300; i += 3) {
      batch.retain();
      scene.engine.apply({ dir: 0, batch, entries: { first: i, count: 3 }, takeLinked: false }, (answer) => {
        done += answer.done;
        batch.release();
      });
    }
    batch.release();
    await scene.engine.drain();
    assertEquals(done, 300);
    for (let i = 0; i < 300; i++) assertEquals(Deno.readTextFileSync(scene.dir.at(`dst/f${i}`)), String(i));
  });

  test("a request may be made from an answer", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "x" });
    let settled = false;
    await scene.list().then((answer) => answer.batch?.release());
    scene.engine.settle({ dir: 0, what: "nothing", removeSource: false, drop: false }, () => {
      scene.engine.settle({ dir: 0, what: "metadata", removeSource: false, drop: false }, () => settled = true);
    });
    await scene.engine.drain();
    assert(settled);
  });

  test("a root that is not there is fatal", async () => {
    await using scene = await Scene.open(open);
    const config = {
      workers: 1,
      bytesPerSecond: 0,
      largeBytes: 1,
      bufferBytes: 4096,
      verify: false,
      fsync: false,
      discard: false,
    };
    const rest = { ...config, move: false, readOnly: false };
    assertThrows(() => open({ ...rest, source: scene.dir.at("nothing"), destination: scene.dir.at("dst") }), BlitError);
  });

  test("each round may make requests, and what it throws ends the drain", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "x" });
    let rounds = 0;
    let answered = 0;
    await scene.engine.drain(() => {
      if (rounds++ < 3) {
        scene.engine.settle({ dir: 0, what: "nothing", removeSource: false, drop: false }, () => answered++);
      }
      return 1000;
    });
    assertEquals(answered, 3);
    scene.engine.settle({ dir: 0, what: "nothing", removeSource: false, drop: false }, () => answered++);
    const thrown = new Error("from the round");
    assertEquals(
      await assertRejects(() =>
        scene.engine.drain(() => {
          throw thrown;
        })
      ),
      thrown,
    );
  });

  test("a round comes when its time has passed, also without an answer", async () => {
    await using scene = await Scene.open(open, { bytesPerSecond: MIB });
    await scene.dir.write({ "src/f": pattern(MIB / 4) });
    const batch = await scene.batch();
    scene.engine.apply({ dir: 0, batch, entries: { first: 0, count: 1 }, takeLinked: false }, () => batch.release());
    let rounds = 0;
    await scene.engine.drain(() => {
      rounds++;
      return 1;
    });
    assert(rounds > 3, `${rounds} rounds`);
  });

  test("an engine that nothing holds up closes in time", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "x" });
    await scene.makeAll();
    assertEquals(await scene.close(60_000), true);
  });
}
