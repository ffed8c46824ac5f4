/** Nothing outside the destination is ever written, read or deleted; sources and destinations that overlap are refused. */

import { assert, assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import {
  assertExit,
  assertSays,
  assertSaysOnce,
  assertSummary,
  assertUntouched,
  failureOf,
} from "../support/expect.ts";
import { mountBind } from "../support/mounts.ts";
import { command, linux, mounting, testNeeding } from "../support/needs.ts";
import { blit, blitJson, pause, startBlit, until } from "../support/program.ts";

Deno.test("a destination inside the source is refused in one line, and nothing is made", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/sub/b": "B", "link": { to: "src/sub" } });
  const before = await dir.snapshot();
  for (const verb of ["copy", "mirror", "move"]) {
    for (const destination of ["src/sub", "src/new", "src/sub/deep/new", "link", "link/new", "src/sub/../new"]) {
      for (const source of ["src/", "src"]) {
        const result = await blit([verb, "--yes", dir.at(source), dir.at(destination)]);
        assertExit(result, 1, 64);
        assertSaysOnce(result, /^blit: /);
        assertUntouched(before, await dir.snapshot(), `${verb} ${source} ${destination}: the tree`);
      }
    }
  }
});

Deno.test("a destination that a missing directory and dot-dot hide inside the source is not filled", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/sub/b": "B" });
  const before = await dir.snapshot("src");
  assertExit(await blit(["copy", dir.at("src/"), dir.at("absent/../src/sub")]), 1, 64);
  assertUntouched(before, await dir.snapshot("src"), "the source");
});

Deno.test("a source that equals the destination is refused in one line, also through symlinks and odd spellings", async () => {
  await using dir = await testDirectory();
  await dir.write({ "d/a": "A", "d/sub/b": "B", "link": { to: "d" }, "file": "F", "alias": { to: "file" } });
  const before = await dir.snapshot();
  const pairs = [
    ["d/", "d"],
    ["d/", "d/"],
    ["d/", "link"],
    ["link/", "d"],
    ["d", "."],
    ["d/", "d/../d"],
    ["d/", "./d//"],
    ["file", "file"],
    ["file", "."],
    ["file", "link/../file"],
  ];
  for (const verb of ["copy", "mirror", "move"]) {
    for (const [source, destination] of pairs) {
      const result = await blit([verb, "--yes", source, destination], { cwd: dir.path });
      assertExit(result, 1, 64);
      assertSaysOnce(result, /^blit: /);
      assertUntouched(before, await dir.snapshot(), `${verb} ${source} ${destination}: the tree`);
    }
  }
});

Deno.test("another program's name of a remote place is refused with the way to write it, and nothing is made", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  const before = await dir.snapshot();
  for (const place of ["nas:", "nas:x", "nas::m/x", "user@nas:/m/x", "rsync://nas/m/x", "s3://b/x", "file:///tmp/x"]) {
    const commands = [["mirror", "src", place, "--yes"], ["move", place, "new"], [
      "copy",
      "src/",
      "new",
      "--backup-dir",
      place,
    ]];
    for (const words of commands) {
      const result = await blit(words, { cwd: dir.path, unmeasured: true });
      assertExit(result, 64);
      assertSaysOnce(result, /^blit: Cannot use "/);
      assertSays(result, /Write \S+:\/module\/path, or "(\.\/|\/tmp)/);
    }
  }
  for (
    const words of [["check", "src", "nas:"], ["copy", "--null", "nas:"], ["ls", "nas:"], ["rm", "--yes", "nas:x"]]
  ) {
    assertExit(await blit(words, { cwd: dir.path, unmeasured: true }), 64);
  }
  assertExit(await blit(["copy", "src/", "new", "--backup-dir", "nas:/m/x"], { cwd: dir.path }), 64);
  assertUntouched(before, await dir.snapshot(), "the directory");
});

Deno.test("a local name with a colon is written with a dot and a slash, or from the root", async () => {
  await using dir = await testDirectory();
  await dir.write({ "a:b": "A", "10:30.log": "L" });
  const result = await blit(["copy", "./a:b", "10:30.log", "./to:/"], { cwd: dir.path });
  assertExit(result, 64);
  assertSays(result, /or "\.\/10:30\.log" for the local name/);
  assertExit(await blit(["copy", "./a:b", dir.at("10:30.log"), "./to:/"], { cwd: dir.path }), 0);
  assertEquals([await dir.read("to:/a:b"), await dir.read("to:/10:30.log")], ["A", "L"]);
});

testNeeding([linux, mounting], "a source that equals the destination through a bind mount is refused", async () => {
  await using dir = await testDirectory();
  await dir.write({ "d/a": "A", "d/sub/b": "B" });
  await using bind = await mountBind(dir.at("d"));
  const before = await dir.snapshot();
  for (const verb of ["copy", "mirror", "move"]) {
    for (
      const [source, destination] of [[`${dir.at("d")}/`, bind.path], [`${bind.path}/`, dir.at("d")], [
        dir.at("d/a"),
        `${bind.path}/a`,
      ]]
    ) {
      const result = await blit([verb, "--yes", source, destination]);
      assertExit(result, 1, 64);
      assertSaysOnce(result, /^blit: /);
      assertUntouched(before, await dir.snapshot(), "the tree");
    }
  }
});

testNeeding(
  [linux, mounting],
  "a destination inside the source through a bind mount ends, and the source keeps what it had",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "d/a": "A", "d/sub/b": "B", "d/target": null });
    await using bind = await mountBind(dir.at("d/target"));
    for (const verb of ["copy", "mirror"]) {
      const result = await blit([verb, "--yes", dir.at("d/"), bind.path]);
      assertExit(result, 0, 1, 2, 64);
      assertEquals([await dir.read("d/a"), await dir.read("d/sub/b")], ["A", "B"]);
      assertEquals((await dir.names("d")).filter((name) => name.startsWith("target/target/target")), []);
    }
  },
);

Deno.test("a source inside the destination survives a mirror", async () => {
  await using dir = await testDirectory();
  await dir.write({ "dst/src/a": "A", "dst/src/sub/b": "B", "dst/extra": "E" });
  const before = await dir.snapshot("dst/src");
  const result = await blit(["mirror", dir.at("dst/src/"), dir.at("dst"), "--yes"]);
  assertExit(result, 0, 1, 2, 64);
  assertUntouched(before, await dir.snapshot("dst/src"), "the source");
});

Deno.test("copy: a directory where the destination has a symlink fails, and nothing is written through it", async () => {
  await using dir = await testDirectory();
  await dir.write({
    ...{ "src/d/x": "X", "src/d/deep/y": "Y", "src/dangling/z": "Z", "src/ok": "O" },
    ...{ "outside/keep": "K", "dst/d": { to: "../outside" }, "dst/dangling": { to: "../nowhere" } },
  });
  const before = await dir.snapshot("outside");
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertEquals(failureOf(result, "d").code, "kind_conflict");
  assertEquals(failureOf(result, "dangling").code, "kind_conflict");
  assertSaysOnce(result, /\bd: /);
  assertUntouched(before, await dir.snapshot("outside"), "the symlink's target");
  assertEquals([await Deno.readLink(dir.at("dst/d")), await dir.exists("nowhere"), await dir.read("dst/ok")], [
    "../outside",
    false,
    "O",
  ]);
});

Deno.test("mirror: a directory replaces a symlink of the destination, and its target is left alone", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/d/x": "X", "outside/x": "mine", "outside/keep": "K", "dst/d": { to: "../outside" } });
  const before = await dir.snapshot("outside");
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]), 0);
  assertUntouched(before, await dir.snapshot("outside"), "the symlink's target");
  assertEquals(await dir.names("dst"), ["d", "d/x"]);
});

Deno.test("a file replaces a symlink of the destination, never what it points to", async () => {
  await using dir = await testDirectory();
  await dir.write({
    ...{ "src/a": "new", "src/b": "new", "src/c": { to: "new" }, "victim": "V", "dst/a": { to: "../victim" } },
    ...{ "dst/b": { to: "../made" }, "dst/c": { to: "../victim" } },
  });
  const large = new Uint8Array(20 << 20).fill(7);
  await dir.write({ "src/large": large, "dst/large": { to: "../victim" } });
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertEquals([await dir.read("victim"), await dir.exists("made")], ["V", false]);
  assertEquals([await dir.read("dst/a"), await dir.read("dst/b"), await Deno.readLink(dir.at("dst/c"))], [
    "new",
    "new",
    "new",
  ]);
  assertEquals((await Deno.lstat(dir.at("dst/large"))).size, large.length);
});

Deno.test("a copy to a file name that is a symlink replaces the symlink", async () => {
  await using dir = await testDirectory();
  await dir.write({ "file": "new", "victim": "V", "link": { to: "victim" } });
  assertExit(await blit(["copy", dir.at("file"), dir.at("link")]), 0);
  assertEquals([await dir.read("victim"), await dir.read("link")], ["V", "new"]);
});

Deno.test("copy: a file where a directory should be, and the reverse: one clear line each, the others are copied", async () => {
  await using dir = await testDirectory();
  await dir.write({
    ...{ "src/file": "F", "src/tree/a": "A", "src/tree/sub/b": "B", "src/ok": "O", "src/z/ok": "Z" },
    ...{ "dst/file/x": "X", "dst/tree": "a file" },
  });
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertSummary(result, { status: "partial", files_copied: 2 });
  assertEquals([failureOf(result, "file").code, failureOf(result, "tree").code], ["kind_conflict", "kind_conflict"]);
  assertSaysOnce(result, /\bfile: /);
  assertSaysOnce(result, /\btree: /);
  assertEquals([await dir.read("dst/file/x"), await dir.read("dst/tree"), await dir.read("dst/ok")], [
    "X",
    "a file",
    "O",
  ]);
  assertEquals(await dir.read("dst/z/ok"), "Z");
});

Deno.test("copy: a symlink or a special file where a directory is fails alone", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/link": { to: "x" }, "src/ok": "O", "dst/link/inside": "I" });
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertEquals(failureOf(result, "link").code, "kind_conflict");
  assertEquals(await dir.names("dst"), ["link", "link/inside", "ok"]);
});

testNeeding([linux, command("cc")], "a symlink that is swapped in during the run leads no write outside", async () => {
  await using dir = await testDirectory();
  const files = Array.from({ length: 60 }, (_, i) => `file d/sub/f${i} 30000 ${i}`);
  await dir.make("src", ["dir d", "dir d/sub", ...files]);
  await dir.write({ "outside/sub/keep": "K" });
  const before = await dir.snapshot("outside");
  const running = await startBlit(["copy", "--bwlimit", "1M", dir.at("src/"), dir.at("dst")]);
  await until(() => dir.exists("dst/d/sub"), "the directory appeared", running);
  await pause(100);
  await Deno.rename(dir.at("dst/d"), dir.at("dst/moved"));
  await Deno.symlink("../outside", dir.at("dst/d"));
  const result = await running.result;
  assert(result.signal === null, result.stderr);
  assertUntouched(before, await dir.snapshot("outside"), "the symlink's target");
});
