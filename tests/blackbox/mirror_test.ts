/** `mirror`: what is deleted, what is never deleted, and what guards deletion. */

import { assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import {
  assertExit,
  assertSays,
  assertSaysOnce,
  assertSummary,
  assertUntouched,
  failureOf,
} from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson } from "../support/program.ts";
import { AWKWARD_NAMES } from "../support/tree.ts";

const onLinux = [linux, command("cc"), command("rsync")];

testNeeding(onLinux, "mirror: everything that the source lacks goes, whatever it is", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["dir kept", "file kept/a 10 1", "file b 20 2"]);
  await dir.make("dst", [
    ...["dir kept", "file kept/extra 1 1", "dir extra", "dir extra/deep", "file extra/deep/x 5 5", "dir extra/empty"],
    ...[
      "symlink dangling nowhere",
      "symlink to-directory kept",
      "fifo fifo",
      "socket socket",
      "file hard 5 5",
      "link hard-2 hard",
    ],
    ...["dir names", ...AWKWARD_NAMES.map((name) => `file names/${name} 3 3`)],
    ...["dir closed", "file closed/x 1 1", "mode closed 0"],
  ]);
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]);
  assertExit(result, 0);
  assertSummary(result, {
    files_copied: 2,
    files_failed: 0,
    files_deleted: 9 + AWKWARD_NAMES.length,
    directories_deleted: 5,
  });
  await assertFaithful(dir.at("src"), dir.at("dst"));
});

Deno.test("mirror: a nested mirror deletes inside its own directory only", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/other": "O", "dst/src/extra": "E", "dst/second/x": "X" });
  assertExit(await blit(["mirror", dir.at("src"), dir.at("dst"), "--yes"]), 0);
  assertEquals(await dir.names("dst"), ["other", "second", "second/x", "src", "src/a"]);
});

Deno.test("mirror: a single file deletes nothing beside it", async () => {
  await using dir = await testDirectory();
  await dir.write({ "file": "F", "dst/other": "O" });
  assertExit(await blit(["mirror", dir.at("file"), dir.at("dst/"), "--yes"]), 0);
  assertEquals(await dir.names("dst"), ["file", "other"]);
  const hidden = ["--exclude", "file", "--delete-scope", "all"];
  assertExit(await blit(["mirror", dir.at("file"), dir.at("dst/"), "--yes", ...hidden]), 0);
  assertEquals(await dir.names("dst"), ["file", "other"]);
});

Deno.test("mirror: without --yes and without a terminal it is wrong usage, and nothing is touched", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/extra": "E" });
  const before = await dir.snapshot();
  const result = await blit(["mirror", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 64);
  assertSays(result, /--yes/);
  assertUntouched(before, await dir.snapshot(), "the tree");
  // An answer that is piped in is no confirmation.
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst")], { stdin: "y\ny\n" }), 64);
  assertUntouched(before, await dir.snapshot(), "the tree");
});

Deno.test("mirror: a dry run needs no --yes", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/extra": "E" });
  const before = await dir.snapshot();
  assertExit(await blit(["mirror", "--dry-run", dir.at("src/"), dir.at("dst")]), 0);
  assertUntouched(before, await dir.snapshot(), "the tree");
});

Deno.test("mirror: a source that is missing deletes nothing", async () => {
  await using dir = await testDirectory();
  await dir.write({ "dst/a": "A", "dst/sub/b": "B" });
  const before = await dir.snapshot();
  for (const source of ["absent", "absent/"]) {
    const result = await blit(["mirror", dir.at(source), dir.at("dst"), "--yes"]);
    assertExit(result, 1);
    assertSays(result, /absent/);
  }
  assertUntouched(before, await dir.snapshot(), "the destination");
});

Deno.test("mirror: an empty source empties the destination", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src": null, "dst/a": "A", "dst/sub/b": "B" });
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]);
  assertSummary(result, { status: "ok", files_deleted: 2, directories_deleted: 1 });
  assertEquals(await dir.names("dst"), []);
});

Deno.test("mirror: --max-delete that suffices deletes, one less deletes nothing at all and says so", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new", "dst/x": "1", "dst/d/y": "2", "dst/d/z": "3" });
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--max-delete", "3"]);
  assertExit(result, 2);
  assertSummary(result, { status: "partial", files_copied: 1, files_deleted: 0, directories_deleted: 0 });
  assertEquals(result.summary.failures.map((failure: { code: string }) => failure.code), ["max_delete"]);
  assertSaysOnce(result, /delet/i);
  assertEquals(await dir.names("dst"), ["a", "d", "d/y", "d/z", "x"]);
  const enough = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--max-delete", "4"]);
  assertExit(enough, 0);
  assertSummary(enough, { files_deleted: 3, directories_deleted: 1 });
  assertEquals(await dir.names("dst"), ["a"]);
});

Deno.test("mirror: --max-delete 0 still copies, and complains only if something would go", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst": null });
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--max-delete", "0"]), 0);
  await dir.write({ "src/b": "B", "dst/extra": "E" });
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--max-delete", "0"]), 2);
  assertEquals(await dir.names("dst"), ["a", "b", "extra"]);
});

Deno.test("mirror: --backup-dir keeps what is replaced and what is deleted", async () => {
  await using dir = await testDirectory();
  await dir.write({
    ...{ "src/same": "S", "src/changed": "new content", "src/sub/changed": "new content too" },
    ...{ "dst/changed": "old", "dst/sub/changed": "old too", "dst/gone": "gone", "dst/tree/of/gone": "gone too" },
    ...{ "dst/link": { to: "somewhere" }, "dst/empty": null },
  });
  await dir.setTime("dst/gone", 1_000_000_000);
  const gone = (await dir.snapshot("dst")).get("gone");
  const options = ["--yes", "--backup-dir", dir.at("backup")];
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), ...options]), 0);
  assertEquals(await dir.names("dst"), ["changed", "same", "sub", "sub/changed"]);
  assertEquals(await dir.read("dst/changed"), "new content");
  assertEquals(await dir.read("backup/changed"), "old");
  assertEquals(await dir.read("backup/sub/changed"), "old too");
  assertEquals(await dir.read("backup/gone"), "gone");
  assertEquals(await dir.read("backup/tree/of/gone"), "gone too");
  assertEquals(await Deno.readLink(dir.at("backup/link")), "somewhere");
  assertEquals((await dir.snapshot("backup")).get("gone")?.mtimeNs, gone?.mtimeNs);
});

Deno.test("mirror: a second backup does not destroy the first one's content without need", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src": null, "dst/a": "first" });
  const options = ["--yes", "--backup-dir", dir.at("backup")];
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), ...options]), 0);
  await dir.write({ "dst/b/c": "second" });
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), ...options]), 0);
  assertEquals([await dir.read("backup/a"), await dir.read("backup/b/c")], ["first", "second"]);
});

Deno.test("mirror: a backup directory inside the destination is no extra, in this run and the next", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new content", "dst/a": "old", "dst/gone": "gone" });
  for (let run = 0; run < 2; run++) {
    assertExit(
      await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--backup-dir", dir.at("dst/.backup")]),
      0,
    );
    assertEquals([await dir.read("dst/.backup/a"), await dir.read("dst/.backup/gone")], ["old", "gone"]);
    assertEquals(await dir.exists("dst/gone"), false);
  }
});

Deno.test("copy: --backup-dir keeps what is replaced, and metadata alone is no replacement", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new content", "src/b": "B", "dst/a": "old", "dst/extra": "E" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst"), "--backup-dir", dir.at("backup")]), 0);
  assertEquals(await dir.names("backup"), ["a"]);
  assertEquals(await dir.read("backup/a"), "old");
  assertEquals(await dir.read("dst/extra"), "E");
});

Deno.test("mirror: what the filter excludes is not deleted, unless --delete-scope all", async () => {
  await using dir = await testDirectory();
  const names = {
    "src/a": "A",
    "src/b.o": "B",
    "dst/x": "X",
    "dst/y.o": "Y",
    "dst/d/z.o": "Z",
    "dst/d/z": "Z",
    "dst/e/f": "F",
  };
  await dir.write(names);
  const args = ["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--exclude", "*.o"];
  assertExit(await blit(args), 0);
  assertEquals(await dir.names("dst"), ["a", "d", "d/z.o", "y.o"]);
  assertExit(await blit([...args, "--delete-scope", "subset"]), 0);
  assertEquals(await dir.names("dst"), ["a", "d", "d/z.o", "y.o"]);
  assertExit(await blit([...args, "--delete-scope", "all"]), 0);
  assertEquals(await dir.names("dst"), ["a"]);
});

Deno.test("mirror: an extra goes although the source hides an entry of the other kind behind its name", async () => {
  for (const [option, left] of [["subset", ["file", "file/in"]], ["all", []]] as const) {
    await using dir = await testDirectory();
    await dir.write({ "src/name/in": "hidden", "src/file": "hidden", "dst/name": "extra", "dst/file/in": "extra" });
    // Only directories are excluded by a slash; a file's name is excluded for both kinds.
    const rules = ["--exclude", "name/", "--exclude", "file", "--delete-scope", option];
    const dry = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--dry-run", ...rules]);
    const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes", ...rules]);
    assertExit(result, 0);
    assertEquals(await dir.names("dst"), [...left]);
    assertEquals(dry.summary.files_deleted, result.summary.files_deleted);
  }
});

Deno.test("mirror: an excluded directory of the destination stays whole", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/cache/x": "X", "dst/cache/deep/y": "Y", "dst/extra": "E" });
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--exclude", "cache/"]), 0);
  assertEquals(await dir.names("dst"), ["a", "cache", "cache/deep", "cache/deep/y", "cache/x"]);
});

Deno.test("mirror: a symlink among the extras is deleted, what it points to is not", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src": null,
    "outside/a": "A",
    "dst/link": { to: "../outside" },
    "dst/d/link": { to: "../../outside" },
  });
  const before = await dir.snapshot("outside");
  assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]), 0);
  assertEquals(await dir.names("dst"), []);
  assertUntouched(before, await dir.snapshot("outside"), "the symlink's target");
});

Deno.test("mirror: what has to give way to another kind counts for --max-delete", async () => {
  for (const [max, code] of [["2", 2], ["3", 0]] as const) {
    await using dir = await testDirectory();
    await dir.write({ "src/entry": "F", "dst/entry/old/x": "X" });
    assertExit(await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--max-delete", max]), code);
    assertEquals((await dir.names()).includes("dst/entry/old/x"), code === 2);
  }
});

Deno.test("mirror: entries of another kind are replaced", async () => {
  await using dir = await testDirectory();
  await dir.write({
    ...{
      "src/now-file": "F",
      "src/now-directory/a": "A",
      "src/now-link": { to: "x" },
      "src/was-link": "F",
      "src/dir-was-link/b": "B",
    },
    ...{
      "dst/now-file/old/x": "X",
      "dst/now-directory": "old",
      "dst/now-link/deep/y": "Y",
      "dst/was-link": { to: "../victim" },
    },
    ...{ "dst/dir-was-link": { to: "../outside" }, "victim": "V", "outside/keep": "K" },
  });
  const before = [await dir.snapshot("outside"), await dir.read("victim")];
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]);
  assertExit(result, 0);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
  assertEquals(await dir.read("victim"), before[1]);
  assertEquals(await dir.snapshot("outside"), before[0]);
});

testNeeding(onLinux, "every kind of entry is replaced by every other kind in a mirror", async () => {
  await using dir = await testDirectory();
  const kinds: Record<string, (name: string) => string[]> = {
    file: (name) => [`file ${name} 100 1`],
    large: (name) => [`file ${name} 1100000 2`],
    directory: (name) => [`dir ${name}`, `file ${name}/inside 10 3`],
    empty: (name) => [`dir ${name}`],
    symlink: (name) => [`symlink ${name} target`],
    fifo: (name) => [`fifo ${name}`],
    socket: (name) => [`socket ${name}`],
    linked: (name) => [`link ${name} .linked`],
  };
  const pairs = Object.keys(kinds).flatMap((from) => Object.keys(kinds).map((to) => [from, to]));
  await dir.make("src", ["file .linked 50 9", ...pairs.flatMap(([from, to]) => kinds[to](`${from}-${to}`))]);
  await dir.make("dst", ["file .linked 60 8", ...pairs.flatMap(([from, to]) => kinds[from](`${from}-${to}`))]);
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]);
  assertExit(result, 0);
  await assertFaithful(dir.at("src"), dir.at("dst"));
});

Deno.test("mirror: an entry that cannot be deleted is named, the others go", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/stuck/x": "X", "dst/b": "B" });
  if (!await makeImmutable(dir.at("dst/stuck"), true)) return;
  try {
    const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"]);
    assertExit(result, 2);
    failureOf(result, "stuck/x");
    assertEquals(await dir.names("dst"), ["a", "stuck", "stuck/x"]);
  } finally {
    await makeImmutable(dir.at("dst/stuck"), false);
  }
});

/** False where the file system or the user cannot. */
async function makeImmutable(path: string, on: boolean): Promise<boolean> {
  const output = await new Deno.Command("chattr", { args: [on ? "+i" : "-i", path], stderr: "null" }).output().catch(
    () => undefined,
  );
  return output?.success ?? false;
}
