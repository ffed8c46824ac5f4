/** `--backup-dir`: keeps all of what is replaced and deleted, overwrites nothing in it, and is refused where it would hide or lose something. */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences, assertUntouched } from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { mountBind, mountNew } from "../support/mounts.ts";
import { command, fileSystem, isRoot, linux, type Need, root, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";
import { differences, snapshot } from "../support/snapshot.ts";
import { everyKind } from "../support/tree.ts";

const notCompiled: Need = {
  missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined,
};

async function twoTrees(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.write({
    "t/src/a": "new content",
    "t/src/sub/b": "B",
    "t/dst/a": "old",
    "t/dst/gone/x": "X",
    "t/dst/gone2": "X",
    "other": null,
  });
  await Deno.symlink("dst", dir.at("t/to-dst"));
  await Deno.symlink("src/sub", dir.at("t/to-sub"));
  await Deno.symlink("nowhere", dir.at("t/dangling"));
  return dir;
}

Deno.test("a backup directory in, at or above one of the trees is refused, however it is reached", async () => {
  await using dir = await twoTrees();
  const before = await dir.snapshot();
  const refused = [
    ...[
      "t/dst",
      "t/dst/",
      "t/to-dst",
      "t/dst/../dst",
      "t/dst/gone/..",
      "t/src",
      "t/src/",
      "t/src/new/deep",
      "t/to-sub",
    ],
    ...[
      "t/to-sub/new",
      "t",
      ".",
      "t/dst/sub",
      "t/dst/sub/",
      "t/src/a",
      "t/src/a/b",
      "t/dangling",
      "t/dangling/x",
      "nas:",
      "nas:/m/x",
    ],
  ];
  for (const verb of ["mirror", "copy", "move"]) {
    for (const backup of refused) {
      const path = backup.startsWith("nas:") ? backup : dir.at(backup);
      const yes = verb === "mirror" ? ["--yes"] : [];
      const result = await blit([verb, dir.at("t/src/"), dir.at("t/dst"), "--backup-dir", path, ...yes], {
        unmeasured: true,
      });
      assertExit(result, 64);
      assert(result.stderr.trim().split("\n").length <= 2, result.stderr);
      assertUntouched(before, await dir.snapshot(), `${verb} with ${backup}`);
      if (verb !== "mirror" && backup === "t/dst/") break; // the rule is the same, one more is enough
    }
  }
});

Deno.test("a backup directory may stand in the source where a filter keeps the scan away", async () => {
  await using dir = await testDirectory();
  await dir.write({ "top/a": "new content", "top/dst/a": "old", "top/dst/gone": "G" });
  const options = ["--yes", "--exclude", "/dst", "--backup-dir", dir.at("top/dst/.old")];
  for (let run = 0; run < 2; run++) {
    assertExit(await blit(["copy", dir.at("top/"), dir.at("top/dst"), ...options.slice(1)]), 0);
    assertEquals(await dir.names("top/dst"), [".old", ".old/a", "a", "gone"]);
  }
});

Deno.test("where nothing stands yet names tell that a backup directory is in the way", async () => {
  await using dir = await twoTrees();
  const before = await dir.snapshot();
  for (
    const [destination, backup] of [["new/d", "new/d"], ["new/d", "new"], ["new/d/e", "new/./d"], [
      "t/to-dst/n",
      "t/dst/n",
    ]]
  ) {
    const result = await blit(["copy", dir.at("t/src/"), dir.at(destination), "--backup-dir", dir.at(backup)]);
    assertExit(result, 64);
    assertUntouched(before, await dir.snapshot(), `${backup} for ${destination}`);
  }
});

testNeeding(
  [linux, root],
  "a backup directory that a bind mount shows in a tree is refused or left alone",
  async () => {
    await using dir = await twoTrees();
    await using bound = await mountBind(dir.at("t"));
    await using deeper = await mountBind(dir.at("t/src/sub"));
    const before = await dir.snapshot();
    const mirror = (backup: string) =>
      blit(["mirror", dir.at("t/src/"), dir.at("t/dst"), "--yes", "--backup-dir", backup]);
    for (const backup of [bound.path, `${bound.path}/dst`, `${bound.path}/src/new`]) {
      assertExit(await mirror(backup), 64);
      assertUntouched(before, await dir.snapshot(), backup);
    }
    // Its name leads nowhere near the source, but the scan comes by.
    const result = await mirror(`${deeper.path}/new`);
    assertExit(result, 2);
    assert(result.stderr.includes("this directory is the backup directory"), result.stderr);
    assertEquals(await dir.read("t/dst/gone/x"), "X");
    assertEquals(await dir.exists("t/dst/sub/new"), false);
  },
);

Deno.test("a backup directory in the destination stays, beside what is filled and what is deleted", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a": "1",
    "src/d/b": "1",
    "dst/a": "old",
    "dst/d/b": "old",
    "dst/d/gone": "G",
    "dst/e/f/gone": "G",
  });
  const mirror = ["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--backup-dir", dir.at("dst/e/kept")];
  for (let run = 0; run < 2; run++) {
    assertExit(await blit([...mirror, "--max-delete", "9", "--dry-run"]), 0);
    assertExit(await blit([...mirror, "--max-delete", "9"]), 0);
    const kept = ["a", "d", "d/b", "d/gone", "e", "e/f", "e/f/gone"];
    assertEquals(await dir.names("dst"), ["a", "d", "d/b", "e", "e/kept", ...kept.map((name) => `e/kept/${name}`)]);
  }
});

Deno.test("nothing in a backup directory is overwritten: later ones get a number", async () => {
  await using dir = await testDirectory();
  const long = "x".repeat(200) + "ä".repeat(27);
  await dir.write({ "src/keep": "K" });
  const backup = ["--backup-dir", dir.at("backup")];
  for (const version of ["1", "2", "3"]) {
    await dir.write({ "dst/a": version, [`dst/${long}`]: version, "dst/d/b": version, "dst/link": { to: version } });
    await dir.write({ "src/changed": version.repeat(Number(version)) });
    assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", ...backup]), 0);
  }
  const read = async (...names: string[]) => await Promise.all(names.map((name) => dir.read(`backup/${name}`)));
  assertEquals(await read("a", "a.~1~", "a.~2~", "d/b", "d/b.~2~", "changed", "changed.~1~"), [
    "1",
    "2",
    "3",
    "1",
    "3",
    "1",
    "22",
  ]);
  assertEquals(await Deno.readLink(dir.at("backup/link.~2~")), "3");
  const cut = `${"x".repeat(200)}${"ä".repeat(25)}`;
  assertEquals(await read(long, `${cut}.~1~`, `${cut}.~2~`), ["1", "2", "3"]);
});

Deno.test("files and directories that meet the other kind in the backup directory get a number, too", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src": null,
    "dst/d/b": "B",
    "dst/f": "F",
    "dst/d.~1~/c": "C",
    "backup/d": "older",
    "backup/f/x": "older",
  });
  for (let run = 0; run < 2; run++) {
    assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--backup-dir", dir.at("backup")]), 0);
    const names = Array.from(Deno.readDirSync(dir.at("backup")), ({ name }) => name).sort();
    // Which of the destination's two directories comes first is open: "d" gets the next number, or "d.~1~" joins what it became.
    const joined = names.length === 4 + run;
    const numbers = Array.from({ length: run + (joined ? 1 : 2) }, (_, i) => `d.~${i + 1}~`);
    assertEquals(names, ["d", ...numbers, "f", "f.~1~"]);
    await dir.write({ "dst/d/b": "B" });
  }
  assertEquals([await dir.read("backup/d"), await dir.read("backup/f/x"), await dir.read("backup/f.~1~")], [
    "older",
    "older",
    "F",
  ]);
  const kept = [];
  for (const [name, file] of [["d.~1~", "b"], ["d.~1~", "c"], ["d.~2~", "b"], ["d.~2~", "c"], ["d.~3~", "b"]]) {
    if (await dir.exists(`backup/${name}/${file}`)) kept.push(await dir.read(`backup/${name}/${file}`));
  }
  assertEquals(kept.sort(), ["B", "B", "C"]);
});

/** Everything that was in the destination is in the backup directory as it was, times of directories included. */
async function keepsAll(backup: (dir: TestDirectory) => string): Promise<void> {
  await using dir = await testDirectory();
  await dir.write({ "src": null });
  const lines = everyKind(await supportedMetadata(dir.path)).lines();
  await dir.make("dst", isRoot ? lines : lines.filter((line) => !line.includes("/dir-500")));
  const before = await dir.snapshot("dst");
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--backup-dir", backup(dir)]), 0);
  assertEquals(await dir.names("dst"), []);
  assertNoDifferences(differences(before, await snapshot(backup(dir)), { rootEntry: false }), "the backup");
}

testNeeding(
  [linux, command("cc")],
  "a deleted tree is kept whole: empty directories, owners, modes, times, links",
  async () => {
    await keepsAll((dir) => dir.at("backup"));
  },
);

testNeeding(
  [linux, command("cc"), fileSystem("tmpfs")],
  "a deleted tree is kept whole on another file system",
  async () => {
    await using mount = await mountNew("tmpfs");
    await keepsAll(() => `${mount.path}/backup`);
  },
);

testNeeding(
  [linux, fileSystem("tmpfs")],
  "what is replaced keeps its links and its directories' times in the backup",
  async () => {
    await using mount = await mountNew("tmpfs");
    for (const backup of ["backup", `${mount.path}/backup`]) {
      await using dir = await testDirectory();
      await dir.write({ "src/d/a": "new content", "src/d/b": "newer content", "dst/d/a": "old" });
      await Deno.link(dir.at("dst/d/a"), dir.at("dst/d/b"));
      await Deno.chmod(dir.at("dst/d"), 0o750);
      await dir.setTime("dst/d", 1_000_000);
      const at = backup.startsWith("/") ? backup : dir.at(backup);
      const options = backup.startsWith("/") ? ["--fsync"] : [];
      assertExit(await blit(["copy", dir.at("src/"), dir.at("dst"), "--backup-dir", at, ...options]), 0);
      const [a, b, d] = await Promise.all(["a", "b", "."].map((name) => Deno.stat(`${at}/d/${name}`)));
      assertEquals([a.ino, await Deno.readTextFile(`${at}/d/b`)], [b.ino, "old"]);
      assertEquals([d.mode! & 0o7777, d.mtime!.getTime()], [0o750, 1_000_000_000]);
      assertEquals(await dir.read("dst/d/b"), "newer content");
    }
  },
);

testNeeding(
  [linux, notCompiled, fileSystem("tmpfs")],
  "without the native library nothing in the backup is overwritten or left out",
  async () => {
    await using mount = await mountNew("tmpfs");
    for (const backup of ["backup", `${mount.path}/backup`]) {
      await using dir = await testDirectory();
      await dir.write({ "src": null, "dst/d/a": "1", "dst/e/empty": null });
      await Deno.link(dir.at("dst/d/a"), dir.at("dst/d/b"));
      await Deno.chmod(dir.at("dst/e/empty"), 0o750);
      await dir.setTime("dst/e/empty", 1_000_000);
      const at = backup.startsWith("/") ? backup : dir.at(backup);
      const mirror = ["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--backup-dir", at];
      assertExit(await blit(mirror, { withoutShim: true }), 0);
      const [a, b, empty] = await Promise.all(["d/a", "d/b", "e/empty"].map((name) => Deno.stat(`${at}/${name}`)));
      assertEquals([a.ino, empty.mode! & 0o7777, empty.mtime!.getTime()], [b.ino, 0o750, 1_000_000_000]);
      await dir.write({ "dst/d/a": "2", "dst/e": "file" });
      assertExit(await blit(mirror, { withoutShim: true }), 0);
      assertEquals(await Promise.all(["d/a", "d/a.~1~", "e.~1~"].map((name) => Deno.readTextFile(`${at}/${name}`))), [
        "1",
        "2",
        "file",
      ]);
    }
  },
);
