/** Contract of what happens to entries that are there already, and to sources that change; see engine_contract.ts. */

import { assert, assertEquals } from "@std/assert";
import { mountNew } from "../support/mounts.ts";
import { fileSystem, linux, type Need, testNeeding } from "../support/needs.ts";
import { Action, failureOf, indexOf, type OpenEngine, pattern, run, Scene } from "./engine_harness.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;

export function changeContract(name: string, open: OpenEngine): void {
  const test = (title: string, body: () => Promise<void>, ...needs: Need[]) =>
    testNeeding([linux, ...needs], `${name}: ${title}`, body);

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

  test("what is replaced goes into the backup tree", async () => {
    await using scene = await Scene.open(open, { backup: true });
    await scene.dir.write({ "src/f": "new", "dst/f": "old", "src/s": { to: "new" }, "dst/s": { to: "old" } });
    await scene.dir.write({ "src/d/g": "new", "dst/d/g": "old", "backup/f": "older" });
    for (const each of ["src/f", "src/d/g"]) await scene.dir.setTime(each, 1000);
    const batch = await scene.batch();
    assertEquals((await scene.apply(batch, { f: Action.Replace, s: Action.Replace })).details, []);
    const { dir, answer } = await scene.tryDescend(batch, "d");
    assertEquals((await scene.apply(answer.batch!, { g: Action.Replace }, { dir })).details, []);
    assertEquals([await scene.dir.read("dst/f"), await scene.dir.read("backup/f.~1~")], ["new", "old"]);
    assertEquals(await scene.dir.read("backup/f"), "older");
    assertEquals(await Deno.readLink(scene.dir.at("backup/s")), "old");
    assertEquals([await scene.dir.read("dst/d/g"), await scene.dir.read("backup/d/g")], ["new", "old"]);
    answer.batch!.release();
    batch.release();
  });

  test("a backup tree on another file system gets copies", async () => {
    await using mount = await mountNew("tmpfs");
    await using scene = await Scene.open(open, { backup: mount.path });
    await scene.dir.write({ "src/f": "new", "dst/f": "old", "src/s": { to: "new" }, "dst/s": { to: "old" } });
    await scene.dir.write({ "dst/x": "deleted", "dst/xs": { to: "deleted" } });
    await Deno.chmod(scene.dir.at("dst/f"), 0o640);
    await scene.dir.setTime("dst/f", 1_000_000);
    const batch = await scene.batch();
    assertEquals((await scene.apply(batch, { f: Action.Replace, s: Action.Replace })).details, []);
    assertEquals((await scene.remove(batch, ["x", "xs"])).details, []);
    assertEquals([await scene.names("dst"), await scene.dir.read("dst/f")], [["f", "s"], "new"]);
    const kept = await Deno.lstat(`${mount.path}/f`);
    assertEquals([kept.mode! & 0o777, kept.mtime?.getTime()], [0o640, 1_000_000_000]);
    for (const [name, text] of [["f", "old"], ["x", "deleted"]]) {
      assertEquals(await Deno.readTextFile(`${mount.path}/${name}`), text);
    }
    for (const [name, to] of [["s", "old"], ["xs", "deleted"]]) {
      assertEquals(await Deno.readLink(`${mount.path}/${name}`), to);
    }
    batch.release();
  }, fileSystem("tmpfs"));

  test("a file that grows all the time is there with what it held, and named", async () => {
    await using scene = await Scene.open(open, { bytesPerSecond: 4 * MIB });
    await scene.dir.write({ "src/log": pattern(600 * KIB) });
    const batch = await scene.batch();
    const timer = setInterval(() => Deno.writeTextFileSync(scene.dir.at("src/log"), "more", { append: true }), 2);
    const answer = await scene.apply(batch, { log: Action.Make });
    clearInterval(timer);
    assertEquals(failureOf(answer), "changed");
    const [held, now] = [await Deno.readFile(scene.dir.at("dst/log")), await Deno.readFile(scene.dir.at("src/log"))];
    assert(held.length >= 600 * KIB && held.length <= now.length);
    assertEquals(held, now.subarray(0, held.length));
    assertEquals(await scene.names("dst"), ["log"]);
    batch.release();
  });

  test("a file that shrinks all the time is named, and the old one stays", async () => {
    await using scene = await Scene.open(open, { bytesPerSecond: 4 * MIB });
    await scene.dir.write({ "src/f": pattern(700 * KIB), "dst/f": "old", "src/g": pattern(700 * KIB) });
    const batch = await scene.batch();
    let size = 700 * KIB;
    const timer = setInterval(() => {
      size--;
      for (const name of ["f", "g"]) Deno.truncateSync(scene.dir.at(`src/${name}`), size);
    }, 2);
    const answer = await scene.apply(batch, { f: Action.Replace, g: Action.Make });
    clearInterval(timer);
    assertEquals(answer.details.map((detail) => detail.is === "failed" && detail.error.code), ["changed", "changed"]);
    assertEquals([await scene.names("dst"), await scene.dir.read("dst/f")], [["f"], "old"]);
    batch.release();
  });
}
