/** Contract of copying entries; see engine_contract.ts. */

import { assert, assertEquals } from "@std/assert";
import { Kind } from "../../lib/model/entry.ts";
import type { ApplyAnswer } from "../../lib/native/engine.ts";
import { linux, type Need, root, testNeeding } from "../support/needs.ts";
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

  test("a replaced file is a new one, and other names of the old one keep the old content", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "new content", "dst/f": "old", "src/same": "s", "dst/same": "s" });
    await Deno.link(scene.dir.at("dst/f"), scene.dir.at("outside/second"));
    const batch = await scene.batch();
    const answer = await scene.apply(batch, { f: Action.Replace });
    assertEquals([answer.details, answer.done], [[], 1]);
    assertEquals(await scene.dir.read("dst/f"), "new content");
    assertEquals(await scene.dir.read("outside/second"), "old");
    assertEquals(await scene.names("dst"), ["f", "same"]);
    batch.release();
  });

  test("a file that appeared since the listing is replaced whole", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "new", "src/s": { to: "new" } });
    const batch = await scene.batch();
    await scene.dir.write({ "dst/f": "appeared", "dst/s": "appeared" });
    const answer = await scene.apply(batch, { f: Action.Make, s: Action.Make });
    assertEquals(answer.details, []);
    assertEquals(await scene.dir.read("dst/f"), "new");
    assertEquals(await Deno.readLink(scene.dir.at("dst/s")), "new");
    assertEquals(await scene.names("dst"), ["f", "s"]);
    batch.release();
  });

  test("a symlink in the destination is replaced, not followed", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "new", "src/g": "new", "src/m": "same", "outside/victim": "untouched" });
    for (const each of ["f", "g", "m"]) {
      await scene.dir.write({ [`dst/${each}`]: { to: scene.dir.at("outside/victim") } });
    }
    const batch = await scene.batch();
    const answer = await scene.apply(batch, { f: Action.Replace, g: Action.Make, m: Action.Metadata });
    assertEquals(await scene.dir.read("outside/victim"), "untouched");
    assertEquals([await scene.dir.read("dst/f"), await scene.dir.read("dst/g")], ["new", "new"]);
    assertEquals([failureOf(answer), answer.details[0].index], ["changed", indexOf(batch, "m")]);
    batch.release();
  });

  test("only the metadata is set where only that differs", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "content", "dst/f": "CONTENT", "src/s": { to: "t" }, "dst/s": { to: "t" } });
    await Deno.chmod(scene.dir.at("src/f"), 0o640);
    await scene.dir.setTime("src/f", 5_000_000);
    await run("touch", "-h", "-d", "@6000000", scene.dir.at("src/s"));
    const before = await scene.stat("dst/f");
    const batch = await scene.batch();
    const answer = await scene.apply(batch, { f: Action.Metadata, s: Action.Metadata });
    assertEquals([answer.details, answer.done, answer.bytes], [[], 2, 0]);
    const after = await scene.stat("dst/f");
    assertEquals([after.ino, await scene.dir.read("dst/f")], [before.ino, "CONTENT"]);
    assertEquals([after.mode! & 0o7777, after.mtime?.getTime()], [0o640, 5_000_000_000]);
    assertEquals((await scene.stat("dst/s")).mtime?.getTime(), 6_000_000_000);
    batch.release();
  });

  test("content that changed since the listing does not get its new time only", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "content", "dst/f": "content" });
    await scene.dir.setTime("src/f", 1000);
    const batch = await scene.batch({ stat: true });
    await scene.dir.write({ "src/f": "other content" });
    assertEquals(failureOf(await scene.apply(batch, { f: Action.Metadata })), "changed");
    batch.release();
  });

  test("contents are compared to the last byte", async () => {
    await using scene = await Scene.open(open);
    const bytes = pattern(600 * KIB);
    const other = bytes.slice();
    other[other.length - 1] ^= 1;
    await scene.dir.write({ "src/same": bytes, "dst/same": bytes, "src/other": bytes, "dst/other": other });
    await scene.dir.write({ "src/shorter": bytes.slice(0, 256 * KIB), "dst/shorter": bytes });
    await scene.dir.write({ "src/empty": "", "dst/empty": "" });
    const batch = await scene.batch({ all: true });
    const { Content } = Action;
    const answer = await scene.apply(batch, { same: Content, other: Content, shorter: Content, empty: Content });
    const found = new Map(answer.details.map((detail) => [batch.name(detail.index), detail.is]));
    assertEquals(Object.fromEntries(found), { same: "same", other: "different", shorter: "different", empty: "same" });
    assertEquals(answer.done, 0);
    batch.release();
  });

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

  test("the mode of a fifo that both sides have is set", async () => {
    await using scene = await Scene.open(open);
    for (const side of ["src", "dst"]) await run("mkfifo", "-m", "600", scene.dir.at(`${side}/fifo`));
    await run("chmod", "644", scene.dir.at("src/fifo"));
    const batch = await scene.batch();
    assertEquals((await scene.apply(batch, { fifo: Action.Metadata })).details, []);
    assertEquals((await scene.stat("dst/fifo")).mode! & 0o777, 0o644);
    batch.release();
    const again = await scene.batch();
    assertEquals([again.count, again.unchanged], [0, 1]);
    again.release();
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

  test("a move removes what was copied and what is equal, and nothing else", async () => {
    await using scene = await Scene.open(open, { move: true });
    await scene.dir.write({ "src/f": "f", "src/s": { to: "f" }, "src/equal": "e", "dst/equal": "e" });
    await scene.dir.write({ "src/other": "abc", "dst/other": "abcd", "src/meta": "m", "dst/meta": "m" });
    await scene.dir.write({ "src/way": "w", "dst/way/full": "" });
    await scene.sameTime("equal", "other");
    const batch = await scene.batch({ all: true });
    const { Make, Forget, Metadata } = Action;
    const actions = { f: Make, s: Make, equal: Forget, other: Forget, meta: Metadata, way: Make };
    const answer = await scene.apply(batch, actions);
    assertEquals(
      Object.fromEntries(
        answer.details.map((each) => [batch.name(each.index), each.is === "failed" && each.error.code]),
      ),
      { other: "changed", way: "kind_conflict" },
    );
    assertEquals(answer.done, 4);
    assertEquals(await scene.names("src"), ["other", "way"]);
    assertEquals(await scene.names("dst"), ["equal", "f", "meta", "other", "s", "way"]);
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

  test("what is replaced goes into the backup tree", async () => {
    await using scene = await Scene.open(open, { backup: true });
    await scene.dir.write({ "src/f": "new", "dst/f": "old", "src/s": { to: "new" }, "dst/s": { to: "old" } });
    await scene.dir.write({ "src/d/g": "new", "dst/d/g": "old", "backup/f": "older" });
    for (const each of ["src/f", "src/d/g"]) await scene.dir.setTime(each, 1000);
    const batch = await scene.batch();
    assertEquals((await scene.apply(batch, { f: Action.Replace, s: Action.Replace })).details, []);
    const { dir, answer } = await scene.tryDescend(batch, "d");
    assertEquals((await scene.apply(answer.batch!, { g: Action.Replace }, { dir })).details, []);
    assertEquals([await scene.dir.read("dst/f"), await scene.dir.read("backup/f")], ["new", "old"]);
    assertEquals(await Deno.readLink(scene.dir.at("backup/s")), "old");
    assertEquals([await scene.dir.read("dst/d/g"), await scene.dir.read("backup/d/g")], ["new", "old"]);
    answer.batch!.release();
    batch.release();
  });

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
