/** What holds for every job holds for one between machines, whatever way the bytes take. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames } from "../support/environment.ts";
import {
  assertExit,
  assertNoDifferences,
  assertSays,
  assertSummary,
  assertUntouched,
  failureOf,
} from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { differences } from "../support/snapshot.ts";
import { deepTree, everyKind, randomTree } from "../support/tree.ts";
import { directions, Scene, ways } from "./ways.ts";

const needs = [linux, command("rsync"), command("cc")];

for (const way of ways) {
  testNeeding(
    needs,
    `${way.name}: every kind of entry arrives faithfully, and a second run changes nothing`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
      const first = await scene.run("copy", "src/", "dst");
      assertExit(first, 0);
      assertSummary(first, { status: "ok", files_failed: 0, files_unchanged: 0, tcp_fallback_used: way.inline });
      assert(way.inline || first.summary.lanes > 0);
      await assertFaithful(dir.at("src"), dir.at("dst"));
      const before = await dir.snapshot("dst");
      const second = await scene.run("copy", "src/", "dst");
      assertExit(second, 0);
      assertSummary(second, { files_copied: 0, files_unchanged: first.summary.files_total, bytes_copied: 0 });
      assertUntouched(before, await dir.snapshot("dst"), "an equal copy");
    },
  );

  testNeeding(needs, `${way.name}: large files, whole and with holes, arrive in slices`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "src/small": "x" });
    const dense = await new Deno.Command("sh", {
      args: ["-c", "head -c 40000001 /dev/urandom > whole; printf end | dd of=holes bs=1 seek=50000000 2>/dev/null"],
      cwd: dir.at("src"),
    }).output();
    assert(dense.success);
    const result = await scene.run("copy", "src/", "dst");
    assertExit(result, 0);
    await assertFaithful(dir.at("src"), dir.at("dst"));
    assert((await Deno.stat(dir.at("dst/holes"))).blocks! * 512 < 1_000_000);
    // What goes out without a copy in the source's memory is said.
    assert(result.summary.bytes_zero_copy >= 40_000_001);
  });
}

for (const way of directions) {
  testNeeding(needs, `${way.name}: mirror deletes what the source lacks, and replaces what differs`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.make("src", randomTree(1, 150, await supportedMetadata(dir.path)).lines());
    await dir.make("dst", randomTree(2, 150, await supportedMetadata(dir.path)).lines());
    const dry = await scene.run("mirror", "src/", "dst", "--dry-run");
    assertExit(dry, 0);
    const real = await scene.run("mirror", "src/", "dst", "--yes");
    assertExit(real, 0);
    await assertFaithful(dir.at("src"), dir.at("dst"));
    for (
      const field of ["files_total", "files_copied", "files_deleted", "directories_deleted", "directories_created"]
    ) {
      assertEquals(dry.summary[field], real.summary[field], field);
    }
  });

  testNeeding(needs, `${way.name}: move leaves no source behind, links and large files included`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
    await dir.write({ "src/big": new Uint8Array(20_000_000).fill(7) });
    await dir.make("kept", []);
    const kept = await new Deno.Command("cp", { args: ["-a", dir.at("src"), dir.at("kept")] }).output();
    assert(kept.success);
    const result = await scene.run("move", "src", "dst/");
    assertExit(result, 0);
    assertEquals(await dir.exists("src"), false);
    await assertFaithful(dir.at("kept/src"), dir.at("dst/src"));
  });

  testNeeding(
    needs,
    `${way.name}: check finds what differs, by size and time or by content, and changes nothing`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.write({ "src/same": "same", "src/content": "one", "src/missing": "x", "dst/extra": "y" });
      await dir.write({ "dst/same": "same", "dst/content": "two" });
      for (const name of ["same", "content"]) {
        await dir.setTime(`src/${name}`, 1000);
        await dir.setTime(`dst/${name}`, 1000);
      }
      const before = await dir.snapshot("dst");
      const quick = await scene.run("check", "src/", "dst");
      assertExit(quick, 2);
      assertSummary(quick, { files_copied: 1, files_deleted: 1, files_unchanged: 2 });
      const thorough = await scene.run("check", "src/", "dst", "--checksum");
      assertExit(thorough, 2);
      assertSummary(thorough, { files_copied: 2, files_deleted: 1, files_unchanged: 1 });
      assertUntouched(before, await dir.snapshot("dst"), "a check");
    },
  );

  testNeeding(needs, `${way.name}: verified, flushed and limited copies arrive whole`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.make("src", randomTree(3, 60, await supportedMetadata(dir.path)).lines());
    await dir.write({ "src/large": new Uint8Array(5_000_000).fill(1) });
    const result = await scene.run("copy", "src/", "dst", "--verify", "--fsync", "--bwlimit", "200M");
    assertExit(result, 0);
    await assertFaithful(dir.at("src"), dir.at("dst"));
  });

  testNeeding(needs, `${way.name}: a trailing slash means what it means locally`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "src/a": "1", "src/sub/b": "2" });
    assertExit(await scene.run("copy", "src/", "contents"), 0);
    assertEquals(await dir.names("contents"), ["a", "sub", "sub/b"]);
    assertExit(await scene.run("copy", "src", "nested"), 0);
    assertEquals(await dir.names("nested"), ["src", "src/a", "src/sub", "src/sub/b"]);
    assertExit(await scene.run("copy", "src/a", "renamed/to"), 0);
    assertEquals(await dir.names("renamed"), ["to"]);
    assertExit(await scene.run("copy", "src/a", "into/"), 0);
    assertEquals(await dir.names("into"), ["a"]);
    assertExit(await scene.run("copy", "src/a", "nested"), 0);
    assertEquals(await dir.read("nested/a"), "1");
  });

  testNeeding(needs, `${way.name}: filters and limits leave the same out as locally`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({
      "src/a.o": "1",
      "src/keep/b.c": "22",
      "src/keep/c.o": "3",
      "src/skip/d.c": "4",
      "src/e.c": "x".repeat(99),
    });
    const options = ["--exclude", "*.o", "--exclude", "skip/", "--max-size", "50"];
    assertExit(await scene.run("copy", "src/", "dst", ...options), 0);
    assertEquals(await dir.names("dst"), ["keep", "keep/b.c"]);
  });

  testNeeding(needs, `${way.name}: paths longer than the system allows at once arrive`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.make("src", deepTree().lines());
    assertExit(await scene.run("copy", "src/", "dst"), 0);
    await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
  });

  testNeeding(needs, `${way.name}: what is replaced is kept in the backup directory`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "src/a": "new", "dst/a": "old", "dst/gone": "deleted" });
    await dir.setTime("dst/a", 1000);
    const result = await scene.run("mirror", "src/", "dst", "--yes", "--backup-dir", scene.destination("kept"));
    assertExit(result, 0);
    assertEquals([await dir.read("dst/a"), await dir.read("kept/a"), await dir.read("kept/gone")], [
      "new",
      "old",
      "deleted",
    ]);
    assertEquals(temporaryNames(await dir.snapshot()), []);
  });

  testNeeding([linux], `${way.name}: on one machine nothing is copied, moved or mirrored onto itself`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "all/src/a": "x", "all/src/sub/b": "y", "all/file": "z" });
    const whole = await dir.snapshot("all");
    const refused: [string, string, string, RegExp][] = [
      ["copy", "all/src/", "all/src/", /Cannot copy a directory onto itself/],
      ["move", "all/src/", "all/src", /Cannot move a directory onto itself/],
      ["move", "all/src", "all/", /Cannot move a directory onto itself/],
      ["move", "all/file", "all/", /Cannot move a file onto itself/],
      ["mirror", "all/src/", "all/", /Cannot mirror: the source is inside the destination and would be deleted/],
    ];
    for (const [verb, from, to, says] of refused) {
      const result = await scene.run(verb, from, to, "--yes");
      assert(result.code === 64 || result.code === 1, `${verb} ${from} ${to}: exit code ${result.code}`);
      assertSays(result, says);
      assertEquals(await dir.snapshot("all"), whole);
    }
    assertExit(await scene.run("copy", "all/file", "all/other"), 0);
    assertEquals(await dir.read("all/other"), "z");
  });

  testNeeding(
    [linux],
    `${way.name}: a destination inside the source, on one machine, is not copied into itself`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.write({ "src/a": "x", "src/inner/b": "y" });
      const result = await scene.run("copy", "src/", "src/inner/dst");
      assertExit(result, 2);
      assertSummary(result, { files_copied: 2, files_failed: 1 });
      assertEquals(failureOf(result, "inner/dst").code, "inside");
      assertEquals(await dir.names("src/inner/dst"), ["a", "inner", "inner/b"]);
    },
  );

  testNeeding([linux], `${way.name}: a source that is missing is one clear line`, async () => {
    await using scene = await Scene.open(way);
    const result = await scene.run("copy", "nothing/", "dst");
    assertExit(result, 1);
    assertEquals(await scene.dir.exists("dst"), false);
  });
}

for (const way of ways) {
  testNeeding([linux], `${way.name}: a move compares what is already there before its source goes`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    for (const [side, letter] of [["src", "A"], ["dst", "B"]]) {
      await dir.write({ [`${side}/other`]: letter, [`${side}/equal`]: "same" });
      await dir.write({ [`${side}/large`]: new Uint8Array(17_000_000).fill(letter.charCodeAt(0)) });
      for (const name of ["other", "equal", "large"]) await dir.setTime(`${side}/${name}`, 1_000_000_000);
    }
    const dry = await scene.run("move", "src/", "dst", "--dry-run");
    const result = await scene.run("move", "src/", "dst");
    assertExit(result, 0);
    for (const { summary } of [dry, result]) {
      assertEquals([summary.files_copied, summary.files_unchanged, summary.files_removed], [2, 1, 3]);
    }
    assertEquals([await dir.names("src"), await dir.read("dst/other")], [[], "A"]);
    assert((await Deno.readFile(dir.at("dst/large"))).every((byte) => byte === 65));
  });
}

for (const way of directions) {
  testNeeding(
    needs,
    `${way.name}: a backup directory keeps a deleted tree whole, and nothing in it is overwritten`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.make("dst", everyKind(await supportedMetadata(dir.path)).lines());
      await dir.write({ "src/a": "new", "dst/a": "the old one" });
      const before = await dir.snapshot("dst");
      const mirror = () => scene.run("mirror", "src/", "dst", "--yes", "--backup-dir", scene.destination("kept"));
      assertExit(await mirror(), 0);
      assertNoDifferences(differences(before, await dir.snapshot("kept"), { rootEntry: false }), "the backup");
      await dir.write({ "src/a": "newer still" });
      assertExit(await mirror(), 0);
      assertEquals([await dir.read("kept/a"), await dir.read("kept/a.~1~")], ["the old one", "new"]);
    },
  );

  testNeeding([linux], `${way.name}: a backup directory in the way is refused and touches nothing`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "all/src/a": "new", "all/dst/a": "old", "all/dst/gone": "G", "all/src/.old/x": "X" });
    const before = await dir.snapshot("all");
    for (const backup of ["all/dst", "all"]) {
      const refused = await scene.run(
        "mirror",
        "all/src/",
        "all/dst",
        "--yes",
        "--backup-dir",
        scene.destination(backup),
      );
      assertExit(refused, 64);
      assertUntouched(before, await dir.snapshot("all"), backup);
    }
    // On one machine the source's side sees that it is its own.
    const source = await scene.run(
      "mirror",
      "all/src/",
      "all/dst",
      "--yes",
      "--backup-dir",
      scene.destination("all/src"),
    );
    assertExit(source, 1, 64);
    assertUntouched(before, await dir.snapshot("all"), "all/src");
    const deep = await scene.run(
      "mirror",
      "all/src/",
      "all/dst",
      "--yes",
      "--backup-dir",
      scene.destination("all/src/new"),
    );
    assertExit(deep, 2);
    assertEquals([await dir.read("all/dst/gone"), await dir.exists("all/dst/new")], ["G", false]);
    // What the source has of that name does not fill it.
    await dir.write({ "all/dst/.old/x": "kept", "all/dst/a": "other" });
    const same = await scene.run(
      "mirror",
      "all/src/",
      "all/dst",
      "--yes",
      "--backup-dir",
      scene.destination("all/dst/.old"),
    );
    assertExit(same, 2);
    assertEquals([await dir.read("all/dst/.old/x"), await dir.read("all/dst/.old/a")], ["kept", "other"]);
  });
}
