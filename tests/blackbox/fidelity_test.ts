/** Full fidelity by default: every kind of entry, on every file system at hand, judged by the oracle. */

import { assertEquals } from "@std/assert";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences, assertSummary, assertUntouched } from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { type FileSystemKind, mountNew } from "../support/mounts.ts";
import { command, fileSystem, isRoot, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blitJson } from "../support/program.ts";
import { differences } from "../support/snapshot.ts";
import { deepTree, everyKind, randomTree } from "../support/tree.ts";

const needs = [linux, command("rsync"), command("cc")];

/** Copies the tree of every kind from one directory to another and runs again: the second run finds nothing to do. */
async function copyEveryKind(from: string, to: string): Promise<void> {
  await using source = await testDirectory(from);
  await using target = await testDirectory(to);
  await source.make("src", everyKind(await supportedMetadata(source.path)).lines());
  const first = await blitJson(["copy", source.at("src/"), target.at("dst")]);
  assertExit(first, 0);
  assertSummary(first, { status: "ok", files_failed: 0, files_unchanged: 0 });
  await assertFaithful(source.at("src"), target.at("dst"));
  const before = await target.snapshot("dst");
  const second = await blitJson(["copy", source.at("src/"), target.at("dst")]);
  assertExit(second, 0);
  assertSummary(second, { files_copied: 0, files_unchanged: first.summary.files_total, bytes_copied: 0 });
  assertUntouched(before, await target.snapshot("dst"), "an equal copy");
}

testNeeding(needs, "every kind of entry is copied faithfully, and a second run changes nothing", async () => {
  await using base = await testDirectory();
  await copyEveryKind(base.path, base.path);
});

for (const kind of ["ext4", "xfs", "btrfs", "tmpfs"] as FileSystemKind[]) {
  testNeeding([...needs, fileSystem(kind)], `every kind of entry is copied faithfully within ${kind}`, async () => {
    await using mount = await mountNew(kind);
    await copyEveryKind(mount.path, mount.path);
  });
}

for (
  const [from, to] of [["xfs", "ext4"], ["tmpfs", "btrfs"], ["btrfs", "tmpfs"]] as [FileSystemKind, FileSystemKind][]
) {
  const both = [...needs, fileSystem(from), fileSystem(to)];
  testNeeding(both, `every kind of entry is copied faithfully from ${from} to ${to}`, async () => {
    await using source = await mountNew(from);
    await using target = await mountNew(to);
    await copyEveryKind(source.path, target.path);
  });
}

/** Trees that nobody made for a test and that rarely change under it. */
const REAL_TREES = ["/usr/include", "/usr/share/zoneinfo", ...isRoot ? ["/etc"] : []].filter(exists);

for (const tree of REAL_TREES) {
  testNeeding(needs, `a real tree is copied faithfully: ${tree}`, async () => {
    await using dir = await testDirectory();
    assertExit(await blitJson(["copy", `${tree}/`, dir.at("dst")]), 0);
    await assertFaithful(tree, dir.at("dst"));
    assertSummary(await blitJson(["mirror", "--yes", `${tree}/`, dir.at("dst")]), {
      files_copied: 0,
      files_deleted: 0,
    });
    assertExit(await blitJson(["check", "--checksum", `${tree}/`, dir.at("dst")]), 0);
  });
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

testNeeding(needs, "random trees: copied faithfully, then mirrored onto one another", async () => {
  await using dir = await testDirectory();
  const metadata = await supportedMetadata(dir.path);
  for (const seed of [1, 2, 3, 4]) {
    await dir.make(`src${seed}`, randomTree(seed, 250, metadata).lines());
    const result = await blitJson(["mirror", dir.at(`src${seed}/`), dir.at("dst"), "--yes"]);
    assertExit(result, 0);
    await assertFaithful(dir.at(`src${seed}`), dir.at("dst"));
  }
});

testNeeding(needs, "random trees: moved faithfully", async () => {
  await using dir = await testDirectory();
  const metadata = await supportedMetadata(dir.path);
  for (const seed of [5, 6]) {
    await dir.make(`src${seed}`, randomTree(seed, 250, metadata).lines());
    const before = await dir.snapshot(`src${seed}`);
    // The destination exists already, so the tree cannot simply be renamed.
    await dir.make(`dst${seed}`, []);
    const result = await blitJson(["move", dir.at(`src${seed}/`), dir.at(`dst${seed}`)]);
    assertExit(result, 0);
    assertNoDifferences(differences(before, await dir.snapshot(`dst${seed}`)), "the copy");
  }
});

testNeeding([linux, command("cc")], "paths longer than PATH_MAX are copied, compared and deleted", async () => {
  await using dir = await testDirectory();
  await dir.make("src", deepTree().lines());
  await dir.write({ "empty": null });
  const copy = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(copy, 0);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
  const again = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertSummary(again, { status: "ok", files_copied: 0 });
  const checked = await blitJson(["check", "--checksum", dir.at("src/"), dir.at("dst")]);
  assertExit(checked, 0);
  const emptied = await blitJson(["mirror", dir.at("empty/"), dir.at("dst"), "--yes"]);
  assertExit(emptied, 0);
  assertEquals(await dir.names("dst"), []);
});

testNeeding([linux, command("cc")], "a move takes paths longer than PATH_MAX away file by file", async () => {
  await using dir = await testDirectory();
  await dir.make("src", deepTree().lines());
  const before = await dir.snapshot("src");
  await dir.write({ "dst/other": "content" });
  assertExit(await blitJson(["move", dir.at("src/"), dir.at("dst")]), 0);
  assertNoDifferences(
    differences(before, await dir.snapshot("dst"), { rootEntry: false, extraAllowed: true }),
    "the copy",
  );
  const left = await dir.exists("src")
    ? [...(await dir.snapshot("src")).values()].filter((entry) => entry.type !== "d")
    : [];
  assertEquals(left, []);
});

testNeeding(needs, "files read back and verified, synced and slowed down are just as faithful", async () => {
  await using dir = await testDirectory();
  await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
  for (
    const [target, options] of [["a", ["--verify"]], ["b", ["--fsync"]], ["c", ["--workers", "1"]], ["d", [
      "--bwlimit",
      "1G",
    ]]] as const
  ) {
    assertExit(await blitJson(["copy", dir.at("src/"), dir.at(target), ...options]), 0);
    await assertFaithful(dir.at("src"), dir.at(target));
  }
});

testNeeding(needs, "times, modes and attributes that changed alone are brought up to date", async () => {
  await using dir = await testDirectory();
  const metadata = await supportedMetadata(dir.path);
  await dir.make("src", everyKind(metadata).lines());
  assertExit(await blitJson(["copy", dir.at("src/"), dir.at("dst")]), 0);
  const operations = [
    ...["mode sizes/1 600", "mode nested 700", "mode special/fifo 644", "attribute sizes/4095 user.new 61"],
    ...["attribute attributes/file-10 user.short 62", "attribute empty user.new 63"],
    ...["time links/relative 77 7", "time special/fifo 5 5", "time deep/d/d 6 6", "time . 8 8"],
    ...metadata.has("owner") ? ["owner sizes/0 3 4", "owner links/dangling 5 6", "owner empty 7 8"] : [],
  ];
  await dir.make("src", operations);
  // Its owner changes, which takes such bits from a file and leaves them to a directory.
  await dir.make("dst", ["mode empty 6755"]);
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]);
  assertExit(result, 0);
  assertSummary(result, { bytes_copied: 0, files_deleted: 0, files_failed: 0 });
  await assertFaithful(dir.at("src"), dir.at("dst"));
});

testNeeding(needs, "hard links that came, went and moved between groups are followed", async () => {
  await using dir = await testDirectory();
  const steps = [
    ["file a 100 1", "link b a", "file c 200 2", "file d 300 3"],
    ["file a 100 1", "file b 100 1", "file c 200 2", "link d c"],
    ["file c 100 1", "link d c", "link a c", "file b 300 3"],
    ["file a 100 1", "link b a", "link c a", "link d a", "dir sub", "link sub/e a"],
    ["symlink a x", "link b a", "fifo c", "link d c"],
  ];
  for (const [i, operations] of steps.entries()) {
    const times = ["a", "b", "c", "d"].map((name) => `time ${name} ${1_000_000_000 + i} 0`);
    await dir.make(`src${i}`, [...operations, ...times]);
    assertExit(await blitJson(["mirror", dir.at(`src${i}/`), dir.at("dst"), "--yes"]), 0);
    await assertFaithful(dir.at(`src${i}`), dir.at("dst"));
  }
});

for (const missing of ["a", "b", "c", "d/e"]) {
  const name =
    `a missing name of a linked file becomes a link of the file that is there, however much is shown: ${missing}`;
  testNeeding([linux], name, async () => {
    await using dir = await testDirectory();
    await dir.make("src", ["dir d", "file a 3000 1", "link b a", "link c a", "link d/e a"]);
    assertExit(await blitJson(["copy", dir.at("src/"), dir.at("dst")]), 0);
    const kept = missing === "a" ? "c" : "a";
    const { ino } = await Deno.lstat(dir.at(`dst/${kept}`));
    for (const options of [[], ["-v"], ["-c"], ["-n"], ["-n", "-c"]]) {
      await Deno.remove(dir.at(`dst/${missing}`));
      const verb = options.includes("-c") ? "copy" : "mirror";
      const yes = verb === "mirror" ? ["--yes"] : [];
      const result = await blitJson([verb, dir.at("src/"), dir.at("dst"), ...yes, ...options]);
      assertExit(result, 0);
      assertSummary(result, { files_copied: 1, bytes_copied: 0, files_unchanged: 3 });
      if (options.includes("-n")) await Deno.link(dir.at(`dst/${kept}`), dir.at(`dst/${missing}`));
      for (const path of ["a", "b", "c", "d/e"]) assertEquals((await Deno.lstat(dir.at(`dst/${path}`))).ino, ino, path);
    }
  });
}

for (const withoutShim of Deno.env.get("BLIT_BIN") ? [false] : [false, true]) {
  const name = `files that are apart in the source come apart${withoutShim ? ", without the native library" : ""}`;
  testNeeding(needs, name, async () => {
    const same = (name: string) => [`file ${name} 100 1`, `time ${name} 1000000000 0`];
    const trees: Record<string, [source: string[], destination: string[]]> = {
      "one of a linked pair's": [
        ["dir c", ...same("a"), "link c/a a", ...same("b")],
        ["dir c", ...same("a"), "link b a", ...same("c/a")],
      ],
      "one of a linked pair's, met first": [
        ["dir z", ...same("b"), "link z/b b", ...same("a")],
        ["dir z", ...same("a"), "link b a", ...same("z/b")],
      ],
      "two pairs": [
        [...same("a"), "link b a", ...same("c"), "link d c"],
        [...same("a"), "link b a", "link c a", "link d a"],
      ],
    };
    for (const [what, [source, destination]] of Object.entries(trees)) {
      await using dir = await testDirectory();
      await dir.make("src", source);
      await dir.make("dst", destination);
      const args = ["copy", dir.at("src/"), dir.at("dst")];
      const dry = await blitJson([...args, "--dry-run"], { withoutShim });
      const result = await blitJson(args, { withoutShim });
      assertExit(result, 0);
      assertSummary(dry, { files_copied: result.summary.files_copied });
      const inodes = async (root: string) => {
        const names = await dir.names(root);
        const numbers = await Promise.all(names.map(async (name) => (await Deno.stat(dir.at(`${root}/${name}`))).ino));
        return numbers.map((number) => numbers.indexOf(number));
      };
      assertEquals(await inodes("dst"), await inodes("src"), what);
      assertSummary(await blitJson(args, { withoutShim }), { files_copied: 0 });
    }
  });
}

testNeeding([linux, command("cc")], "a sparse file shrinks, grows and gets its holes back", async () => {
  await using dir = await testDirectory();
  const versions = [
    "file f 3000000 1",
    "file f 5000000 2 4000000:1000",
    "file f 40000000 3 0:10,39000000:1000000",
    "file f 100 4",
  ];
  for (const [i, operation] of versions.entries()) {
    await dir.make(`src${i}`, [operation]);
    assertExit(await blitJson(["copy", dir.at(`src${i}/`), dir.at("dst")]), 0);
    await assertFaithful(dir.at(`src${i}`), dir.at("dst"), { rsync: false });
  }
  assertEquals(temporaryNames(await dir.snapshot("dst")), []);
});
