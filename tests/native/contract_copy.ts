/** Contract of copying entries; see engine_contract.ts. */

import { assert, assertEquals } from "@std/assert";
import { Kind } from "../../lib/model/entry.ts";
import type { ApplyAnswer } from "../../lib/native/engine.ts";
import { mountNew } from "../support/mounts.ts";
import { fileSystem, linux, type Need, root, testNeeding } from "../support/needs.ts";
import {
  Action,
  type Capabilities,
  failureOf,
  indexOf,
  type OpenEngine,
  pattern,
  run,
  Scene,
} from "./engine_harness.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;

export function copyContract(name: string, open: OpenEngine, can: Capabilities): void {
  const test = (title: string, body: () => Promise<void>, ...needs: Need[]) =>
    testNeeding([linux, ...needs], `${name}: ${title}`, body);

  test("new files get content, mode and time", async () => {
    await using scene = await Scene.open(open, { largeBytes: 8 * MIB });
    const sizes = [0, 1, 4096, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB + 7];
    for (const [i, size] of sizes.entries()) {
      await scene.dir.write({ [`src/f${size}`]: pattern(size, i + 1) });
      await Deno.chmod(scene.dir.at(`src/f${size}`), [0o600, 0o644, 0o755, 0o444][i % 4]);
      await scene.dir.setTime(`src/f${size}`, 1_000_000_000 + i + 0.5);
    }
    const batch = await scene.batch();
    const answer = await scene.ask<ApplyAnswer>((engine, done) =>
      engine.apply({ dir: 0, batch, entries: { first: 0, count: batch.others }, takeLinked: false }, done)
    );
    assertEquals([answer.details, answer.lost], [[], 0]);
    assertEquals([answer.done, answer.bytes], [sizes.length, sizes.reduce((a, b) => a + b)]);
    for (const [i, size] of sizes.entries()) {
      assertEquals(await Deno.readFile(scene.dir.at(`dst/f${size}`)), pattern(size, i + 1));
      const [from, to] = [await scene.stat(`src/f${size}`), await scene.stat(`dst/f${size}`)];
      assertEquals([to.mode, to.mtime], [from.mode, from.mtime]);
    }
    const progress = scene.engine.progress();
    assertEquals([progress.files, progress.bytesMoved], [sizes.length, answer.bytes]);
    assertEquals(progress.sizes, [2, 1, 3, 1, 0, 0, 0]);
    assertEquals(Object.values(progress.bytesByMethod).reduce((a, b) => a + b), answer.bytes);
    batch.release();
    const again = await scene.batch();
    assertEquals([again.count, again.unchanged], [0, sizes.length]);
    again.release();
  });

  test("times before 1970 and far ahead arrive, and a second listing finds nothing to do", async () => {
    await using scene = await Scene.open(open);
    const times = ["-1500000000.123456789", "-0.25", "0", "0.000000001", "1700000000.987654321", "13000000000.5"];
    for (const [i, time] of times.entries()) {
      await scene.dir.write({ [`src/f${i}`]: "x", [`src/s${i}`]: { to: "x" } });
      for (const each of ["f", "s"]) await run("touch", "-h", "-d", `@${time}`, scene.dir.at(`src/${each}${i}`));
    }
    await scene.makeAll();
    const again = await scene.batch();
    assertEquals([again.count, again.unchanged], [0, 2 * times.length]);
    again.release();
    if (!can.nanoseconds) return;
    const seconds = (path: string) => output("stat", "-c", "%.9Y", scene.dir.at(path));
    for (let i = 0; i < times.length; i++) {
      assertEquals(await seconds(`dst/f${i}`), await seconds(`src/f${i}`));
      assertEquals(await seconds(`dst/s${i}`), await seconds(`src/s${i}`));
    }
  });

  test("setuid bits and owners arrive", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "x", "src/s": { to: "f" } });
    await Deno.chown(scene.dir.at("src/f"), 1234, 4_000_000_000);
    await Deno.chmod(scene.dir.at("src/f"), 0o6751);
    await run("chown", "-h", "12:34", scene.dir.at("src/s"));
    await scene.makeAll();
    const [f, s] = [await scene.stat("dst/f"), await scene.stat("dst/s")];
    assertEquals([f.uid, f.gid, f.mode! & 0o7777], [1234, 4_000_000_000, 0o6751]);
    assertEquals([s.uid, s.gid], [12, 34]);
  }, root);

  test("files with several names and large ones are handed back", async () => {
    await using scene = await Scene.open(open, { largeBytes: 100 });
    await scene.dir.write({ "src/a": "x", "src/large": pattern(100), "src/small": pattern(99) });
    await Deno.link(scene.dir.at("src/a"), scene.dir.at("src/b"));
    await scene.dir.write({ "src/s": { to: "t" } });
    await run("ln", "-P", scene.dir.at("src/s"), scene.dir.at("outside/s"));
    const batch = await scene.batch();
    const { Make } = Action;
    const answer = await scene.apply(batch, { a: Make, b: Make, large: Make, small: Make, s: Make });
    const found = new Map(answer.details.map((detail) => [batch.name(detail.index), detail]));
    const [a, b, large] = [found.get("a"), found.get("b"), found.get("large")];
    assert(a?.is === "linked" && b?.is === "linked" && a.inode === b.inode);
    assert(large?.is === "large" && large.size === 100);
    assertEquals(found.get("s")?.is, "linked");
    assertEquals([answer.done, answer.bytes], [1, 99]);
    assertEquals(await scene.names("dst"), ["small"]);
    const taken = await scene.apply(batch, { a: Make }, { takeLinked: true });
    assertEquals([taken.details, await scene.dir.read("dst/a")], [[], "x"]);
    batch.release();
  });

  test("inode keys of listings and of answers are the same", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/a": "x" });
    await Deno.link(scene.dir.at("src/a"), scene.dir.at("outside/b"));
    const batch = await scene.batch({ stat: true });
    const [detail] = (await scene.apply(batch, { a: Action.Make })).details;
    assertEquals(detail.is === "linked" && detail.inode, batch.inode(0));
    batch.release();
  });

  test("holes stay holes", async () => {
    await using scene = await Scene.open(open, { largeBytes: 64 * MIB });
    await using file = await openForWriting(scene.dir.at("src/sparse"));
    await file.write(5 * MIB, pattern(70 * KIB));
    await file.write(9 * MIB - 3, pattern(3, 9));
    await file.truncate(16 * MIB + 5);
    await scene.makeAll();
    assertEquals(
      await Deno.readFile(scene.dir.at("dst/sparse")),
      await Deno.readFile(scene.dir.at("src/sparse")),
    );
    const { blocks } = await scene.stat("dst/sparse");
    assert(blocks! * 512 < MIB, `takes ${blocks! * 512} bytes`);
    assert(scene.engine.progress().bytesByMethod.hole > 15 * MIB);
  });

  test("a failed entry is told, the others are done and no trace of it stays", async () => {
    await using scene = await Scene.open(open);
    for (const each of ["fine", "gone", "became-link", "way", "gone-link"]) {
      await scene.dir.write({ [`src/${each}`]: "x" });
    }
    await Deno.remove(scene.dir.at("src/gone-link"));
    await scene.dir.write({ "src/gone-link": { to: "x" } });
    const batch = await scene.batch();
    await Deno.remove(scene.dir.at("src/gone"));
    await Deno.remove(scene.dir.at("src/gone-link"));
    await Deno.remove(scene.dir.at("src/became-link"));
    await scene.dir.write({ "src/became-link": { to: "fine" }, "dst/way": null });
    const actions = { fine: Action.Make, gone: Action.Make, "became-link": Action.Make, way: Action.Make };
    const answer = await scene.apply(batch, { ...actions, "gone-link": Action.Replace });
    const codes = answer.details.map((detail) => [
      batch.name(detail.index),
      detail.is === "failed" ? detail.error.code : detail.is,
    ]);
    assertEquals(
      Object.fromEntries(codes),
      { gone: "ENOENT", "became-link": "changed", way: "kind_conflict", "gone-link": "ENOENT" },
    );
    assertEquals([answer.done, await scene.dir.read("dst/fine")], [1, "x"]);
    assertEquals(await scene.names("dst"), ["fine", "way"]);
    batch.release();
  });

  test("a symlink whose target is not UTF-8 is copied or named as failed", async () => {
    await using scene = await Scene.open(open);
    await run("sh", "-c", `ln -s "$(printf 'caf\\351')" "$1"`, "sh", scene.dir.at("src/s"));
    const batch = await scene.batch();
    const answer = await scene.apply(batch, { s: Action.Make });
    if (can.anyName) {
      const target = (side: string) => output("sh", "-c", `readlink "$1" | od -c`, "sh", scene.dir.at(`${side}/s`));
      assertEquals([answer.details, await target("dst")], [[], await target("src")]);
    } else {
      assertEquals([failureOf(answer), await scene.names("dst")], ["unsupported", []]);
    }
    batch.release();
  });

  test("the access time of what is read stays", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "x" });
    await Deno.utime(scene.dir.at("src/f"), 1000, 2000);
    await scene.makeAll();
    assertEquals((await scene.stat("src/f")).atime?.getTime(), 1_000_000);
  });

  test("fifos, sockets and devices are made, or named as failed", async () => {
    await using scene = await Scene.open(open);
    await run("mkfifo", "-m", "640", scene.dir.at("src/fifo"));
    await scene.dir.write({ "src/f": "x" });
    const batch = await scene.batch();
    assertEquals(batch.kind(indexOf(batch, "fifo")), Kind.Fifo);
    const answer = await scene.apply(batch, { fifo: Action.Make, f: Action.Make });
    assertEquals(answer.done, can.specialFiles ? 2 : 1);
    if (can.specialFiles) assert((await scene.stat("dst/fifo")).isFifo);
    else assertEquals([failureOf(answer), await scene.names("dst")], ["unsupported", ["f"]]);
    batch.release();
  });

  test("reading only writes nothing", async () => {
    await using scene = await Scene.open(open, { discard: true });
    await scene.dir.write({ "src/f": pattern(1000), "src/g": pattern(300 * KIB), "src/s": { to: "f" } });
    const batch = await scene.batch({ onDestination: false });
    const answer = await scene.apply(batch, { f: Action.Make, g: Action.Make, s: Action.Make });
    assertEquals([answer.details, answer.done, answer.bytes], [[], 3, 1000 + 300 * KIB]);
    assertEquals(scene.engine.progress().bytesByMethod.discarded, 1000 + 300 * KIB);
    assertEquals(await scene.names("dst"), []);
    batch.release();
  });

  test("an engine that changes nothing refuses to", async () => {
    await using scene = await Scene.open(open, { readOnly: true });
    await scene.dir.write({ "src/f": "x" });
    const batch = await scene.batch();
    assertEquals(failureOf(await scene.apply(batch, { f: Action.Make })), "EROFS");
    assertEquals(await scene.names("dst"), []);
    batch.release();
  });

  test("verified files are whole", async () => {
    await using scene = await Scene.open(open, { verify: true, fsync: true, largeBytes: 64 * MIB });
    await scene.dir.write({ "src/small": pattern(5), "src/f": pattern(700 * KIB), "dst/small": "old" });
    const batch = await scene.batch();
    const answer = await scene.apply(batch, { small: Action.Replace, f: Action.Make });
    assertEquals([answer.details, answer.done], [[], 2]);
    assertEquals(await Deno.readFile(scene.dir.at("dst/f")), pattern(700 * KIB));
    assertEquals(await Deno.readFile(scene.dir.at("dst/small")), pattern(5));
    batch.release();
  });

  test("a limited rate changes nothing about the result", async () => {
    await using scene = await Scene.open(open, { bytesPerSecond: 2 * MIB });
    await scene.dir.write({ "src/f": pattern(300 * KIB), "src/g": pattern(100) });
    await scene.makeAll();
    assertEquals(await Deno.readFile(scene.dir.at("dst/f")), pattern(300 * KIB));
  });

  test("where only whole seconds are kept a second listing finds nothing to do", async () => {
    await using mount = await mountNew("ext4", { make: "-I 128" });
    await using scene = await Scene.open(open, { destination: mount.path });
    await scene.dir.write({ "src/f": "x" });
    await scene.dir.setTime("src/f", 1_000_000.75);
    const batch = await scene.batch();
    assertEquals((await scene.apply(batch, { f: Action.Make })).details, []);
    batch.release();
    const again = await scene.batch();
    assertEquals([again.unchanged, (await Deno.lstat(`${mount.path}/f`)).mtime?.getTime()], [1, 1_000_000_000]);
    again.release();
  }, fileSystem("ext4"));

  test("a renamed entry is copied, replaced and linked under its name in the destination", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/a": "content" });
    for (const action of [Action.Make, Action.Replace]) {
      const batch = await scene.batch({ named: { source: "a", destination: "b" }, all: true });
      assertEquals((await scene.apply(batch, { b: action })).details, []);
      assertEquals([await scene.names("dst"), await scene.dir.read("dst/b")], [["b"], "content"]);
      batch.release();
    }
  });
}

interface Writing extends AsyncDisposable {
  write(at: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
}

async function openForWriting(path: string): Promise<Writing> {
  const file = await Deno.open(path, { write: true, create: true });
  return {
    async write(at, bytes) {
      await file.seek(at, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    },
    truncate: (size) => file.truncate(size),
    [Symbol.asyncDispose]: () => Promise.resolve(file.close()),
  };
}

async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout).trim();
}
