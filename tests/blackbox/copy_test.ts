/** What goes where: trailing slashes, single files, new names, several sources; and what a second run does. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary, assertUntouched } from "../support/expect.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson } from "../support/program.ts";

/** source and destination as typed below the test directory; names in it afterwards, without the sources. */
const PLACEMENTS: [name: string, sources: string[], destination: string, expected: string[]][] = [
  ["contents of a directory merge into a new one", ["src/"], "new", ["new", "new/a", "new/sub", "new/sub/b"]],
  ["contents merge into an existing directory", ["src/"], "old", ["old/a", "old/sub", "old/sub/b"]],
  ["a directory nests in a new one", ["src"], "new", ["new", "new/src", "new/src/a", "new/src/sub", "new/src/sub/b"]],
  ["a directory nests in an existing one", ["src"], "old", ["old/src", "old/src/a", "old/src/sub", "old/src/sub/b"]],
  ["the destination's slash means nothing for a directory", ["src"], "old/", [
    "old/src",
    "old/src/a",
    "old/src/sub",
    "old/src/sub/b",
  ]],
  ["contents merge below a slash too", ["src/"], "new/", ["new", "new/a", "new/sub", "new/sub/b"]],
  ["a dot at the end means the contents", ["src/."], "new", ["new", "new/a", "new/sub", "new/sub/b"]],
  ["several slashes are one", ["src//"], "new//", ["new", "new/a", "new/sub", "new/sub/b"]],
  ["a file gets a new name", ["file"], "new", ["new"]],
  ["a file goes into an existing directory", ["file"], "old", ["old/file"]],
  ["a file goes into a directory that its slash creates", ["file"], "new/", ["new", "new/file"]],
  ["several files go into an existing directory", ["file", "src/a"], "old", ["old/a", "old/file"]],
  ["several sources create the directory that a slash names", ["file", "src/a"], "new/", ["new", "new/a", "new/file"]],
  ["files, nesting and merging directories together", ["file", "src", "src/sub/"], "new/", [
    ...["new", "new/b", "new/file", "new/src", "new/src/a", "new/src/sub", "new/src/sub/b"],
  ]],
  ["a path through dot-dot", ["src/sub/../a"], "old", ["old/a"]],
];

for (const [name, sources, destination, expected] of PLACEMENTS) {
  Deno.test(`copy: ${name}`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "A", "src/sub/b": "B", "file": "F", "old/present": "P" });
    const before = await dir.names();
    const result = await blit(["copy", ...sources, destination], { cwd: dir.path });
    assertExit(result, 0);
    assertEquals((await dir.names()).filter((path) => !before.includes(path)), expected.toSorted());
    assertEquals(await dir.read("old/present"), "P");
  });
}

Deno.test("copy: the current directory as a source means its contents", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/sub/b": "B" });
  assertExit(await blit(["copy", ".", "../new"], { cwd: dir.at("src") }), 0);
  assertEquals(await dir.names("new"), ["a", "sub", "sub/b"]);
});

Deno.test("copy: a file replaces a file", async () => {
  await using dir = await testDirectory();
  await dir.write({ "file": "new content", "target": "old" });
  assertExit(await blit(["copy", dir.at("file"), dir.at("target")]), 0);
  assertEquals(await dir.read("target"), "new content");
});

Deno.test("copy: a name that begins with a dash stands behind two dashes", async () => {
  await using dir = await testDirectory();
  await dir.write({ "-v": "content" });
  assertExit(await blit(["copy", "--", "-v", "-w"], { cwd: dir.path }), 0);
  assertEquals(await dir.read("-w"), "content");
});

Deno.test("copy: a symlink as a source is copied as a symlink, with a slash its directory is meant", async () => {
  await using dir = await testDirectory();
  await dir.write({ "real/a": "A", "link": { to: "real" } });
  assertExit(await blit(["copy", dir.at("link"), dir.at("as-link")]), 0);
  assertEquals(await Deno.readLink(dir.at("as-link")), "real");
  assertExit(await blit(["copy", dir.at("link/"), dir.at("as-directory")]), 0);
  assertEquals((await Deno.lstat(dir.at("as-directory"))).isDirectory, true);
  assertEquals(await dir.names("as-directory"), ["a"]);
});

Deno.test("copy: a destination that is a symlink to a directory means that directory", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "real": null, "link": { to: "real" } });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("link")]), 0);
  assertEquals(await Deno.readLink(dir.at("link")), "real");
  assertEquals(await dir.names("real"), ["a"]);
});

Deno.test("copy: several sources into a file, or to a new name without a slash, are refused and nothing is touched", async () => {
  await using dir = await testDirectory();
  await dir.write({ "a": "A", "b": "B", "file": "F" });
  const before = await dir.snapshot();
  for (const target of ["file", "new"]) {
    assertExit(await blit(["copy", dir.at("a"), dir.at("b"), dir.at(target)]), 1, 64);
  }
  assertUntouched(before, await dir.snapshot(), "the directory");
});

Deno.test("copy: a directory into a file is refused and nothing is touched", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "file": "F" });
  const before = await dir.snapshot();
  for (const source of ["src", "src/"]) assertExit(await blit(["copy", dir.at(source), dir.at("file")]), 1, 64);
  assertUntouched(before, await dir.snapshot(), "the directory");
});

Deno.test("copy: a file named with a slash is refused", async () => {
  await using dir = await testDirectory();
  await dir.write({ "file": "F" });
  const result = await blit(["copy", dir.at("file/"), dir.at("new")]);
  assertExit(result, 1, 64);
  assertEquals(await dir.names(), ["file"]);
});

Deno.test("copy: a missing source is named and nothing is made", async () => {
  await using dir = await testDirectory();
  for (const source of ["absent", "absent/"]) {
    const result = await blit(["copy", dir.at(source), dir.at("new")]);
    assertExit(result, 1);
    assertSays(result, /absent/);
    assertEquals(await dir.names(), []);
  }
});

Deno.test("copy: a missing source among several is named before anything is touched", async () => {
  await using dir = await testDirectory();
  await dir.write({ "a": "A", "src/b": "B", "dst": null });
  const result = await blit(["copy", dir.at("a"), dir.at("absent"), dir.at("src"), dir.at("dst")]);
  assertExit(result, 1);
  assertSays(result, /absent/);
  assertEquals(await dir.names("dst"), []);
});

Deno.test("copy: an empty source directory makes an empty directory", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src": null });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  assertEquals(await dir.names(), ["dst", "src"]);
});

Deno.test("copy: a second run copies nothing and leaves every inode alone", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/sub/b": "B", "src/link": { to: "a" } });
  const first = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertSummary(first, { status: "ok", files_total: 3, files_copied: 3, files_unchanged: 0, bytes_copied: 2 });
  const before = await dir.snapshot();
  const second = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertSummary(second, { status: "ok", files_total: 3, files_copied: 0, files_unchanged: 3, bytes_copied: 0 });
  assertUntouched(before, await dir.snapshot(), "an equal copy");
});

Deno.test("copy: only what changed is replaced, and what only the destination has stays", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/same": "S", "src/grown": "1", "src/sub/touched": "T" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  await dir.write({ "src/grown": "12", "src/new": "N", "dst/extra": "E" });
  await dir.setTime("src/sub/touched", 1_000_000_000);
  const before = await dir.snapshot("dst");
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertSummary(result, { files_total: 4, files_copied: 3, files_unchanged: 1 });
  const after = await dir.snapshot("dst");
  assertEquals(after.get("same")?.inode, before.get("same")?.inode);
  assertNotEquals(after.get("grown")?.inode, before.get("grown")?.inode);
  assertEquals(await dir.read("dst/extra"), "E");
  await Deno.remove(dir.at("dst/extra"));
  await dir.setTime("src", 1_000_000_000);
  await dir.setTime("dst", 1_000_000_000);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
});

Deno.test("copy: a changed mode is brought over without writing the content again", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/d/b": "B" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  await Deno.chmod(dir.at("src/a"), 0o640);
  await Deno.chmod(dir.at("src/d"), 0o710);
  const before = await dir.snapshot("dst");
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertSummary(result, { status: "ok", bytes_copied: 0, files_failed: 0 });
  const after = await dir.snapshot("dst");
  assertEquals([after.get("a")?.mode, after.get("d")?.mode], ["640", "710"]);
  assertEquals(after.get("a")?.inode, before.get("a")?.inode);
});

Deno.test("copy: replacing a file leaves other names of its old inode alone", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new content", "dst/a": "old" });
  await Deno.link(dir.at("dst/a"), dir.at("outside"));
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  assertEquals([await dir.read("dst/a"), await dir.read("outside")], ["new content", "old"]);
});
