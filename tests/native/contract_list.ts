/** Contract of listings; see engine_contract.ts. */

import { assert, assertEquals } from "@std/assert";
import { Diff, Kind } from "../../lib/model/entry.ts";
import { Action } from "../../lib/native/engine.ts";
import { tempNameOf } from "../../lib/native/temp_name.ts";
import { isRoot, linux, type Need, root, testNeeding } from "../support/needs.ts";
import {
  type Capabilities,
  checkedCode,
  failureOf,
  indexOf,
  namesOf,
  type OpenEngine,
  run,
  Scene,
} from "./engine_harness.ts";

export function listContract(name: string, open: OpenEngine, can: Capabilities): void {
  const test = (title: string, body: () => Promise<void>, ...needs: Need[]) =>
    testNeeding([linux, ...needs], `${name}: ${title}`, body);

  test("a listing has files, then directories, then what only the destination has", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/a": "1", "src/b": { to: "a" }, "src/d1": null, "src/d2": null });
    await scene.dir.write({ "dst/d2": null, "dst/x": "9", "dst/xd": null, "dst/b": "file" });
    const batch = await scene.batch();
    assertEquals([batch.count, batch.others, batch.dirs, batch.extras], [6, 2, 2, 2]);
    const names = namesOf(batch);
    assertEquals(names.slice(0, 2).sort(), ["a", "b"]);
    assertEquals(names.slice(2, 4).sort(), ["d1", "d2"]);
    assertEquals(names.slice(4).sort(), ["x", "xd"]);
    const kinds = (name: string) => [batch.kind(indexOf(batch, name)), batch.dstKind(indexOf(batch, name))];
    assertEquals(kinds("a"), [Kind.File, Kind.None]);
    assertEquals(kinds("b"), [Kind.Symlink, Kind.File]);
    assertEquals(batch.diff(indexOf(batch, "b")), Diff.Kind);
    assertEquals(kinds("d1"), [Kind.Directory, Kind.None]);
    assertEquals(kinds("d2"), [Kind.Directory, Kind.Directory]);
    assertEquals(kinds("x"), [Kind.File, Kind.File]);
    assertEquals(kinds("xd"), [Kind.Directory, Kind.Directory]);
    batch.release();
  });

  test("an empty directory answers without a batch", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.setTime("src", 1000);
    await scene.dir.setTime("dst", 1000);
    const answer = await scene.list();
    assertEquals([answer.error, answer.batch, answer.more], [undefined, undefined, false]);
  });

  test("what is equal is counted and left out, unless everything is asked for", async () => {
    await using scene = await Scene.open(open);
    for (const side of ["src", "dst"]) await scene.dir.write({ [`${side}/same`]: "12345", [`${side}/s`]: { to: "t" } });
    await scene.sameTime("same");
    for (const side of ["src", "dst"]) await run("touch", "-h", "-d", "@77", scene.dir.at(`${side}/s`));
    const batch = await scene.batch();
    assertEquals([batch.count, batch.unchanged, batch.unchangedBytes], [0, 2, 5]);
    batch.release();
    const all = await scene.batch({ all: true });
    assertEquals([namesOf(all).sort(), all.unchanged], [["s", "same"], 0]);
    assertEquals([all.diff(0), all.diff(1)], [0, 0]);
    all.release();
  });

  test("diff bits say how entries differ", async () => {
    await using scene = await Scene.open(open);
    const both = ["size", "mtime", "mode", "linked", "destination-linked"];
    for (const side of ["src", "dst"]) {
      for (const each of both) await scene.dir.write({ [`${side}/${each}`]: "12" });
    }
    await scene.dir.write({ "src/size": "123", "src/target": { to: "a" }, "dst/target": { to: "b" } });
    await scene.sameTime(...both);
    await scene.dir.setTime("src/mtime", 2_000_000);
    await Deno.chmod(scene.dir.at("src/mode"), 0o600);
    await Deno.link(scene.dir.at("src/linked"), scene.dir.at("src/linked-too"));
    await Deno.link(scene.dir.at("dst/destination-linked"), scene.dir.at("dst/other"));
    const batch = await scene.batch();
    const diff = (name: string) => batch.diff(indexOf(batch, name));
    assertEquals(diff("size"), Diff.Size);
    assertEquals(diff("mtime"), Diff.Mtime);
    assertEquals(diff("mode"), Diff.Mode);
    assertEquals(diff("target") & Diff.Target, Diff.Target);
    assertEquals(diff("linked"), Diff.Linked);
    assertEquals(diff("destination-linked"), Diff.DestinationLinked);
    assertEquals(diff("linked-too"), 0);
    const { dev, ino } = await Deno.lstat(scene.dir.at("dst/other"));
    assertEquals(batch.inode(indexOf(batch, "destination-linked")), `${dev}:${ino}`);
    batch.release();
  });

  test("which file of the destination has several names is told, whatever names the source has", async () => {
    await using scene = await Scene.open(open);
    const names = ["alone", "linked", "plain"];
    for (const side of ["src", "dst"]) {
      for (const name of names) await scene.dir.write({ [`${side}/${name}`]: "12" });
    }
    await scene.sameTime(...names);
    await Deno.link(scene.dir.at("src/linked"), scene.dir.at("src/linked-too"));
    await Deno.link(scene.dir.at("src/plain"), scene.dir.at("src/plain-too"));
    for (const name of ["alone", "linked"]) await Deno.link(scene.dir.at(`dst/${name}`), scene.dir.at(`dst/${name}-2`));
    const batch = await scene.batch();
    for (const name of ["alone", "linked"]) {
      const { dev, ino } = await Deno.lstat(scene.dir.at(`dst/${name}`));
      assertEquals(batch.destinationInode(indexOf(batch, name)), `${dev}:${ino}`, name);
    }
    assertEquals(batch.destinationInode(indexOf(batch, "plain")), undefined);
    batch.release();
  });

  test("another owner is a difference", async () => {
    await using scene = await Scene.open(open);
    for (const side of ["src", "dst"]) await scene.dir.write({ [`${side}/f`]: "" });
    await Deno.chown(scene.dir.at("src/f"), 1234, 2345);
    await scene.sameTime("f");
    const batch = await scene.batch();
    assertEquals(batch.diff(0), Diff.Owner);
    batch.release();
  }, root);

  test("sizes, times and inodes are known when asked for", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/f": "12345", "src/g": "" });
    await Deno.link(scene.dir.at("src/g"), scene.dir.at("src/h"));
    await scene.dir.setTime("src/f", 1_234_567.25);
    const blind = await scene.batch({ onDestination: false });
    assertEquals(blind.known(indexOf(blind, "f")), false);
    blind.release();
    const batch = await scene.batch({ stat: true });
    const [f, g, h] = ["f", "g", "h"].map((name) => indexOf(batch, name));
    assert(batch.known(f));
    assertEquals([batch.size(f), batch.mtimeMs(f), batch.nlink(f)], [5, 1_234_567_250, 1]);
    assertEquals([batch.nlink(g), batch.inode(g)], [2, batch.inode(h)]);
    assert(batch.inode(f) !== batch.inode(g));
    batch.release();
  });

  test("the directory's own differences are told", async () => {
    await using scene = await Scene.open(open, { readOnly: true });
    await scene.dir.write({ "src/f": "" });
    await scene.dir.setTime("src", 1000);
    await scene.dir.setTime("dst", 1000);
    await Deno.chmod(scene.dir.at("src"), 0o700);
    await Deno.chmod(scene.dir.at("dst"), 0o755);
    const batch = await scene.batch();
    assertEquals(batch.dirDiff, Diff.Mode);
    batch.release();
  });

  test("a large directory comes in several batches, each name once", async () => {
    await using scene = await Scene.open(open);
    const names = Array.from({ length: 4500 }, (_, i) => `n${String(i).padStart(4, "0")}`);
    for (const name of names) Deno.writeTextFileSync(scene.dir.at(`src/${name}`), "");
    for (let i = 0; i < 20; i++) Deno.writeTextFileSync(scene.dir.at(`dst/x${String(i).padStart(4, "0")}`), "");
    const seen: string[] = [];
    let answer = await scene.list();
    for (let calls = 1;; calls++) {
      assertEquals(answer.error, undefined);
      if (answer.batch) {
        assert(answer.batch.count < 4500);
        seen.push(...namesOf(answer.batch));
        answer.batch.release();
      }
      if (!answer.more) break;
      assert(calls < 100);
      answer = await scene.list({ more: true });
    }
    assertEquals(seen.length, 4520);
    assertEquals(seen.sort().slice(0, 4500), names);
  });

  test("a directory is made and listed as empty; its path is known", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/d/inner": "x" });
    const batch = await scene.batch();
    const { dir, answer } = await scene.tryDescend(batch, "d", { onDestination: false, make: true });
    assertEquals([answer.error, answer.batch && namesOf(answer.batch)], [undefined, ["inner"]]);
    assertEquals(answer.batch!.dstKind(0), Kind.None);
    assert((await scene.stat("dst/d")).isDirectory);
    assertEquals([scene.engine.pathOf(0), scene.engine.pathOf(dir)], ["", "d/"]);
    answer.batch!.release();
    batch.release();
  });

  test("a file in the place of a directory stays", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/d": null, "dst/d": "in the way" });
    const batch = await scene.batch();
    assertEquals(batch.diff(0), Diff.Kind);
    const { answer } = await scene.tryDescend(batch, "d", { onDestination: false, make: true });
    assertEquals([checkedCode(answer.error), answer.failedSide], ["ENOTDIR", "destination"]);
    assertEquals(await scene.dir.read("dst/d"), "in the way");
    batch.release();
  });

  test("a symlink in the place of a directory is never entered", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/d/f": "x", "outside/keep": "k", "dst/d": { to: scene.dir.at("outside") } });
    const batch = await scene.batch();
    for (const make of [true, false]) {
      const { answer } = await scene.tryDescend(batch, "d", { onDestination: !make, make });
      checkedCode(answer.error);
      assertEquals(answer.failedSide, "destination");
    }
    assertEquals(await scene.names("outside"), ["keep"]);
    batch.release();
  });

  test("a directory that vanished from the source fails on that side", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/d": null });
    const batch = await scene.batch();
    await Deno.remove(scene.dir.at("src/d"));
    const { answer } = await scene.tryDescend(batch, "d", { onDestination: false });
    assertEquals([checkedCode(answer.error), answer.failedSide], ["ENOENT", "source"]);
    batch.release();
  });

  test("the destination inside the source is not copied into itself", async () => {
    await using scene = await Scene.open((config) => {
      Deno.mkdirSync(`${config.source}/inner`);
      return open({ ...config, destination: `${config.source}/inner` });
    });
    const batch = await scene.batch({ onDestination: false });
    const { answer } = await scene.tryDescend(batch, "inner", { onDestination: false });
    assertEquals([checkedCode(answer.error), answer.failedSide], ["inside", "source"]);
    batch.release();
  });

  test("temporary files of dead runs go, those of living ones stay, neither is listed", async () => {
    await using scene = await Scene.open(open);
    const dead = await deadProcess();
    const [stale, ours, locked] = [tempNameOf(dead, 1), tempNameOf(Deno.pid, 2), tempNameOf(dead, 3)];
    await scene.dir.write({ [`dst/${stale}`]: "", [`dst/${ours}`]: { to: "x" }, [`dst/${locked}`]: "" });
    const directory = tempNameOf(dead, 5);
    const alike = ".blit-000012340000000700000000.tmp";
    await scene.dir.write({ [`dst/${tempNameOf(dead, 4)}`]: { to: "x" }, [`dst/${alike}`]: "" });
    await scene.dir.write({ [`dst/${directory}/f`]: "a user's" });
    using owner = await Deno.open(scene.dir.at(`dst/${locked}`));
    await owner.lock(true);
    const batch = await scene.batch();
    assertEquals(namesOf(batch).sort(), [alike, directory].sort());
    assertEquals(batch.stale, 2);
    assertEquals(await scene.names("dst"), [alike, directory, ours, locked].sort());
    batch.release();
  });

  test("a name of temporary files is never given to an entry of the source, but to a directory", async () => {
    assertEquals(tempNameOf(0x1234, 7), ".blit-000012340000000792b472a8.tmp");
    const [file, link, directory] = [1, 2, 3].map((n) => tempNameOf(4, n));
    for (const fresh of [false, true]) {
      await using scene = await Scene.open(open);
      await scene.dir.write({ [`src/d/${file}`]: "F", [`src/d/${link}`]: { to: "x" }, [`src/d/${directory}/f`]: "" });
      if (!fresh) await scene.dir.write({ [`dst/d/${file}`]: "old" });
      const root = await scene.batch();
      const { dir, answer } = await scene.tryDescend(root, "d", { onDestination: !fresh, make: fresh });
      const batch = answer.batch!;
      assertEquals([batch.others, batch.dirs, batch.extras], [2, 1, 0]);
      for (const name of [file, link]) {
        const index = indexOf(batch, name);
        assertEquals([batch.diff(index), checkedCode(batch.error(index))], [Diff.Error, "kept_name"]);
        assertEquals(failureOf(await scene.apply(batch, { [name]: Action.Make }, { dir })), "kept_name");
      }
      assertEquals(await scene.names("dst/d"), fresh ? [] : [file]);
      batch.release();
      root.release();
    }
  });

  test("an engine that changes nothing leaves temporary files where they are", async () => {
    await using scene = await Scene.open(open, { readOnly: true });
    const stale = tempNameOf(await deadProcess(), 1);
    await scene.dir.write({ [`dst/${stale}`]: "" });
    const answer = await scene.list();
    assertEquals(answer.batch?.extras ?? 0, 0);
    assertEquals(await scene.names("dst"), [stale]);
    answer.batch?.release();
  });

  test("one named entry comes with its name in the destination", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/a": "new", "src/other": "", "dst/b": "o", "dst/else": "" });
    const batch = await scene.batch({ named: { source: "a", destination: "b" } });
    assertEquals([namesOf(batch), batch.others, batch.extras], [["b"], 1, 0]);
    assertEquals([batch.dstKind(0), batch.diff(0) & Diff.Size], [Kind.File, Diff.Size]);
    batch.release();
    const missing = await scene.list({ named: { source: "nothing", destination: "b" } });
    assertEquals([checkedCode(missing.error), missing.failedSide], ["ENOENT", "source"]);
  });

  const unreadable = async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/d": null });
    const batch = await scene.batch();
    await Deno.chmod(scene.dir.at("src/d"), 0);
    const { answer } = await scene.tryDescend(batch, "d", { onDestination: false, make: true });
    assertEquals([checkedCode(answer.error), answer.failedSide], ["EACCES", "source"]);
    batch.release();
  };
  // Root may read everything.
  if (!isRoot) test("an unreadable directory fails on its side", unreadable);

  test("names that are not UTF-8 are handled or named as failed, and harm no other", async () => {
    await using scene = await Scene.open(open);
    await scene.dir.write({ "src/caf\ufffd": "real", "dst/x\ufffd": "real" });
    for (const name of ["src/caf\\351", "src/caf\\377", "dst/x\\351"]) {
      await run("sh", "-c", `cd "$1" && printf bytes > "$(printf '${name}')"`, "sh", scene.dir.path);
    }
    const batch = await scene.batch();
    assertEquals([batch.others, batch.extras], [3, 2]);
    if (can.anyName) {
      assertEquals(namesOf(batch).sort(), ["caf\udce9", "caf\udcff", "caf\ufffd", "x\udce9", "x\ufffd"]);
    } else {
      const broken = [0, 1, 2].filter((i) => batch.diff(i) === Diff.Error);
      assertEquals(broken.map((i) => checkedCode(batch.error(i))), ["unsupported", "unsupported"]);
    }
    const indices = [3, 4];
    const removed = await scene.ask<Parameters<typeof failureOf>[0]>((engine, done) =>
      engine.remove(0, batch, indices, done)
    );
    assertEquals(removed.done, can.anyName ? 2 : 1);
    if (!can.anyName) assertEquals(failureOf(removed), "unsupported");
    assertEquals((await scene.names("dst")).length, can.anyName ? 0 : 1);
    batch.release();
  });
}

/** Number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return child.pid;
}
