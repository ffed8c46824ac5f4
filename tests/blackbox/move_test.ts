/** `move`: renames where it can, removes a source entry only after its copy has settled, loses nothing. */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import {
  assertExit,
  assertNoDifferences,
  assertSays,
  assertSummary,
  assertUntouched,
  failureOf,
} from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, isRoot, linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson, startBlit, until } from "../support/program.ts";
import { differences, snapshot } from "../support/snapshot.ts";
import { everyKind } from "../support/tree.ts";

testNeeding([linux], "a move keeps what another move still writes, and what changed in its mode alone", async () => {
  await using dir = await testDirectory();
  await using other = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "blit-test-" }).then((path) => ({
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  }));
  const content = new Uint8Array(8_000_000).fill(7);
  await dir.write({ "s/big": content });
  const running = await startBlit(["move", dir.at("s/"), `${other.path}/spool`, "--bwlimit", "8M", "--json"]);
  const begun = () => Deno.stat(`${other.path}/spool/big`).then(({ size }) => size > 0, () => false);
  await until(begun, "the file is being written", running);
  const second = await blitJson(["move", `${other.path}/spool/`, dir.at("archive")]);
  assertEquals(failureOf(second, "big").code, "in_use");
  await Deno.chmod(dir.at("s/big"), 0o600);
  const first = await running.result;
  assertSays(first, /big: Cannot remove the source: it changed during the move/);
  assertEquals((await Deno.stat(dir.at("s/big"))).size, content.length);
  assertExit(await blitJson(["move", dir.at("s/"), `${other.path}/spool`]), 0);
  assertExit(await blitJson(["move", `${other.path}/spool/`, dir.at("archive")]), 0);
  assertEquals((await Deno.readFile(dir.at("archive/big"))).length, content.length);
});

testNeeding([linux], "a move whose copy is taken away keeps its source", async () => {
  await using dir = await testDirectory();
  const content = new Uint8Array(4_000_000).fill(7);
  await dir.write({ "s/f": content });
  const args = ["move", dir.at("s/"), dir.at("d"), "--verify", "--bwlimit", "4M", "--json"];
  const running = await startBlit(args);
  await until(() => Deno.remove(dir.at("d/f")).then(() => true, () => false), "the file is being written", running);
  assertSays(await running.result, /f: Cannot remove the source: the copy is not at its place/);
  assertEquals((await Deno.stat(dir.at("s/f"))).size, content.length);
});

testNeeding([linux, command("cc")], "move: a tree on one file system is renamed, inodes and all", async () => {
  await using dir = await testDirectory();
  await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
  await dir.write({ "dst": null });
  const before = await dir.snapshot("src");
  const result = await blitJson(["move", dir.at("src"), dir.at("dst")]);
  assertExit(result, 0);
  assertSummary(result, { status: "ok", route: "rename" });
  assertUntouched(before, await dir.snapshot("dst/src"), "the moved tree");
  assertEquals(await dir.exists("src"), false);
});

testNeeding([linux, command("cc")], "move: the contents of a tree go to a new name, and nothing is left", async () => {
  await using dir = await testDirectory();
  const lines = everyKind(await supportedMetadata(dir.path)).lines();
  // An ordinary user cannot take anything out of a directory that may not be written.
  await dir.make("src", isRoot ? lines : lines.filter((line) => !line.includes("/dir-500")));
  const before = await dir.snapshot("src");
  assertExit(await blit(["move", dir.at("src/"), dir.at("new")]), 0);
  assertNoDifferences(differences(before, await dir.snapshot("new")), "the copy");
  assertEquals(await dir.exists("src") ? await dir.names("src") : [], []);
});

testNeeding([linux], "move: a tree nests by rename in an existing directory", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/sub/b": "B", "dst/other": "O" });
  const before = await dir.snapshot("src");
  assertExit(await blit(["move", dir.at("src"), dir.at("dst")]), 0);
  assertUntouched(before, await dir.snapshot("dst/src"), "the moved tree");
  assertEquals(await dir.names(), ["dst", "dst/other", "dst/src", "dst/src/a", "dst/src/sub", "dst/src/sub/b"]);
});

Deno.test("move: a file gets a new name and keeps its inode", async () => {
  await using dir = await testDirectory();
  await dir.write({ "old": "content" });
  const inode = (await Deno.stat(dir.at("old"))).ino;
  assertExit(await blit(["move", dir.at("old"), dir.at("new")]), 0);
  assertEquals([(await Deno.stat(dir.at("new"))).ino, await dir.exists("old")], [inode, false]);
});

Deno.test("move: a file replaces a file, several go into a directory", async () => {
  await using dir = await testDirectory();
  await dir.write({ "a": "A", "b": "B", "c": "C", "dst/b": "old", "target": "old" });
  assertExit(await blit(["move", dir.at("a"), dir.at("target")]), 0);
  assertExit(await blit(["move", dir.at("b"), dir.at("c"), dir.at("dst")]), 0);
  assertEquals(await dir.names(), ["dst", "dst/b", "dst/c", "target"]);
  assertEquals([await dir.read("target"), await dir.read("dst/b"), await dir.read("dst/c")], ["A", "B", "C"]);
});

Deno.test("move: merging keeps what the destination has and removes the source's files, equal ones too", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/new": "N",
    "src/sub/changed": "new content",
    "src/equal": "E",
    "dst/sub/changed": "old",
    "dst/extra": "X",
  });
  assertExit(await blit(["copy", dir.at("src/equal"), dir.at("dst/")]), 0);
  const result = await blitJson(["move", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertSummary(result, { files_removed: 3, files_failed: 0 });
  assertEquals(await dir.names("dst"), ["equal", "extra", "new", "sub", "sub/changed"]);
  assertEquals(await dir.read("dst/sub/changed"), "new content");
  assertEquals(await dir.exists("src/new") || await dir.exists("src/equal") || await dir.exists("src/sub"), false);
});

testNeeding(
  [linux, fileSystem("tmpfs"), command("rsync")],
  "move: across file systems everything arrives, then the source is gone",
  async () => {
    await using mount = await mountNew("tmpfs");
    await using dir = await testDirectory();
    const metadata = await supportedMetadata(dir.path);
    await dir.make("src", everyKind(metadata).lines());
    const before = await dir.snapshot("src");
    const result = await blitJson(["move", dir.at("src/"), `${mount.path}/dst`]);
    assertExit(result, 0);
    assertSummary(result, { status: "ok", files_removed: result.summary.files_total, files_failed: 0 });
    assertNoDifferences(differences(before, await snapshot(`${mount.path}/dst`)), "the copy");
    const left = await dir.exists("src") ? await dir.names("src") : [];
    assertEquals(left, []);
  },
);

Deno.test("move: what could not be copied stays in the source", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/conflict": "file", "src/sub/b": "B", "dst/conflict/x": "X" });
  const result = await blitJson(["move", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertEquals(await dir.names("src"), ["conflict"]);
  assertEquals(await dir.names("dst"), ["a", "conflict", "conflict/x", "sub", "sub/b"]);
});

Deno.test("move: what the filter leaves out stays in the source", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/keep.o": "K", "src/sub/b": "B", "src/sub/keep.o": "K", "src/gone/c": "C" });
  assertExit(await blit(["move", dir.at("src/"), dir.at("dst"), "--exclude", "*.o"]), 0);
  assertEquals(await dir.names("src"), ["keep.o", "sub", "sub/keep.o"]);
  assertEquals(await dir.names("dst"), ["a", "gone", "gone/c", "sub", "sub/b"]);
});

Deno.test("move: --ignore-existing leaves both sides of an existing name alone", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new content", "src/b": "B", "dst/a": "old" });
  assertExit(await blit(["move", dir.at("src/"), dir.at("dst"), "--ignore-existing"]), 0);
  assertEquals([await dir.read("src/a"), await dir.read("dst/a"), await dir.read("dst/b")], [
    "new content",
    "old",
    "B",
  ]);
  assertEquals(await dir.exists("src/b"), false);
});

/** Equal in size and time, in that order: a different file, an equal one, a large different one, and one with other metadata. */
async function lookalikes(dir: TestDirectory): Promise<void> {
  const large = (byte: number) => new Uint8Array(17_000_000).fill(byte);
  const sides = { src: ["AAAA", large(1)], dst: ["BBBB", large(2)] } as const;
  for (const [side, [small, big]] of Object.entries(sides)) {
    const entries = { other: small, equal: "same", large: big, mode: small };
    for (const [name, content] of Object.entries(entries)) await dir.write({ [`${side}/${name}`]: content });
    for (const name of ["other", "equal", "large", "mode"]) await dir.setTime(`${side}/${name}`, 1_000_000_000);
  }
  await Deno.chmod(dir.at("src/mode"), 0o600);
}

for (const options of [[], ["--verify"], ["--size-only"], ["--checksum"]]) {
  const shown = ["move", ...options].join(" ");
  Deno.test(`${shown}: a source of equal size and time goes only after its content was compared or copied`, async () => {
    await using dir = await testDirectory();
    await lookalikes(dir);
    const dry = await blitJson(["move", "-n", dir.at("src/"), dir.at("dst"), ...options]);
    const result = await blitJson(["move", dir.at("src/"), dir.at("dst"), ...options]);
    assertExit(result, 0);
    for (const { summary } of [dry, result]) {
      const { files_copied, files_unchanged, bytes_copied, files_removed } = summary;
      assertEquals([files_copied, files_unchanged, bytes_copied, files_removed], [3, 1, 17_000_008, 4]);
    }
    assertEquals(await dir.names("src"), []);
    assertEquals([await dir.read("dst/other"), await dir.read("dst/mode"), await dir.read("dst/equal")], [
      "AAAA",
      "AAAA",
      "same",
    ]);
    assertEquals((await Deno.readFile(dir.at("dst/large"))).every((byte) => byte === 1), true);
    assertEquals((await Deno.stat(dir.at("dst/mode"))).mode! & 0o777, 0o600);
  });
}

Deno.test("move: names of one source file are compared as well, and are one file afterwards", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "AAAA", "dst/a": "AAAA", "dst/b": "BBBB", "dst/sub/c": "CCCC", "src/sub": null });
  for (const name of ["src/b", "src/sub/c"]) await Deno.link(dir.at("src/a"), dir.at(name));
  for (const name of ["src/a", "dst/a", "dst/b", "dst/sub/c"]) await dir.setTime(name, 1_000_000_000);
  assertExit(await blit(["move", dir.at("src/"), dir.at("dst")]), 0);
  assertEquals(await dir.names("src"), []);
  for (const name of ["dst/a", "dst/b", "dst/sub/c"]) {
    assertEquals([await dir.read(name), (await Deno.stat(dir.at(name))).nlink], ["AAAA", 3]);
  }
});

for (const options of [[], ["--checksum"]]) {
  const shown = ["move", ...options].join(" ");
  Deno.test(`${shown}: two equal files do not stay one inode of the destination`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "same", "src/b": "same", "dst/a": "same" });
    await Deno.link(dir.at("dst/a"), dir.at("dst/b"));
    for (const name of ["src/a", "src/b", "dst/a"]) await dir.setTime(name, 1_000_000_000);
    assertExit(await blit(["move", dir.at("src/"), dir.at("dst"), ...options]), 0);
    assertEquals((await Deno.stat(dir.at("dst/a"))).nlink, 1);
    assertEquals([await dir.read("dst/a"), await dir.read("dst/b")], ["same", "same"]);
  });
}

Deno.test("move: what cannot be read to be compared stays in the source", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "same", "dst/a": "same" });
  for (const name of ["src/a", "dst/a"]) await dir.setTime(name, 1_000_000_000);
  await Deno.chmod(dir.at("dst/a"), 0);
  await Deno.chmod(dir.at("src/a"), 0);
  await dir.giveAway();
  const result = await blitJson(["move", dir.at("src/"), dir.at("dst")], { unprivileged: true });
  assertExit(result, 2);
  assertSummary(result, { files_failed: 1, files_removed: 0 });
  assertEquals(await dir.names("src"), ["a"]);
});

Deno.test("move: a dry run moves nothing", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/b": "B" });
  const before = await dir.snapshot();
  for (const destination of ["dst", "new"]) {
    assertExit(await blit(["move", "-n", dir.at("src/"), dir.at(destination)]), 0);
  }
  assertUntouched(before, await dir.snapshot(), "the tree");
});

Deno.test("move: --backup-dir keeps what is replaced", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new content", "dst/a": "old" });
  assertExit(await blit(["move", dir.at("src/"), dir.at("dst"), "--backup-dir", dir.at("backup")]), 0);
  assertEquals([await dir.read("dst/a"), await dir.read("backup/a")], ["new content", "old"]);
});

Deno.test("move: the contents of a directory go up into its parent", async () => {
  await using dir = await testDirectory();
  await dir.write({ "top/src/a": "A", "top/src/sub/b": "B", "top/other": "O" });
  const result = await blit(["move", dir.at("top/src/"), dir.at("top")]);
  assertExit(result, 0);
  const names = (await dir.names("top")).filter((name) => name !== "src");
  assertEquals(names, ["a", "other", "sub", "sub/b"]);
});

Deno.test("move: onto itself loses nothing", async () => {
  await using dir = await testDirectory();
  await dir.write({ "d/file": "content", "d/sub/x": "X", "link": { to: "d" } });
  await Deno.link(dir.at("d/file"), dir.at("d/hard"));
  const attempts = [["d/file", "d/file"], ["d/file", "d"], ["d/file", "link/file"], ["d/", "d"], ["d", "."], [
    "d/",
    "link",
  ], ["d/", "link/"]];
  const before = await dir.snapshot();
  for (const [source, destination] of attempts) {
    const result = await blit(["move", dir.at(source), dir.at(destination)]);
    assertExit(result, 1, 64);
    assertUntouched(before, await dir.snapshot(), `${source} moved to ${destination}`);
  }
  // Another name of the same inode: at least one name must be left, with the content.
  await blit(["move", dir.at("d/file"), dir.at("d/hard")]);
  assertEquals(await dir.read("d/hard"), "content");
});

Deno.test("move: a directory into itself is refused", async () => {
  await using dir = await testDirectory();
  await dir.write({ "d/file": "content", "d/sub/x": "X" });
  const before = await dir.snapshot();
  for (const [source, destination] of [["d", "d/sub"], ["d/", "d/sub"], ["d", "d/new"], ["d/", "d/new/deep"]]) {
    const result = await blit(["move", dir.at(source), dir.at(destination)]);
    assertExit(result, 1, 64);
    assert(result.stderr.trim().split("\n").length <= 2, result.stderr);
    assertUntouched(before, await dir.snapshot(), `${source} moved to ${destination}`);
  }
});
