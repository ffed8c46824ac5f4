/** A destination that is too small: what plainly cannot fit is not begun, and a full one ends the run with one verdict. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSaysOnce, assertSummary, assertUntouched } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, type Need, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type Result, type RunOptions } from "../support/program.ts";
import { snapshot } from "../support/snapshot.ts";
import { assertNothingTorn } from "../support/torn.ts";

const MIB = 1 << 20;
const tmpfs = [linux, fileSystem("tmpfs")];
const bare: Need = { missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined };

function assertCannotFit(result: Result): void {
  assertExit(result, 1);
  assertSaysOnce(result, /^blit: Cannot fit: at least \S+ .*needed, .* free at the destination; --force-space/);
  assertEquals(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
}

/** Bytes that files take below a directory. */
async function bytesBelow(path: string): Promise<number> {
  return [...(await snapshot(path)).values()].reduce((sum, { type, size }) => sum + (type === "f" ? size : 0), 0);
}

testNeeding(tmpfs, "a tree of large files that cannot fit is given up long before the disk is full", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 200 });
  for (let i = 0; i < 12; i++) await dir.write({ [`src/d${i}/large`]: new Uint8Array(20 * MIB) });
  for (const verb of ["copy", "mirror", "move"]) {
    const result = await blit([verb, "--yes", dir.at("src/"), `${mount.path}/dst`]);
    assertCannotFit(result);
    assert(await bytesBelow(`${mount.path}/dst`) <= 100 * MIB);
    assertEquals(temporaryNames(await snapshot(`${mount.path}/dst`)), []);
    assertEquals(await bytesBelow(dir.at("src")) >= 140 * MIB, true);
    await Deno.remove(`${mount.path}/dst`, { recursive: true });
  }
});

testNeeding(
  tmpfs,
  "a single large file that cannot fit is refused before its first byte, and the old one stays",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("tmpfs", { mib: 40 });
    await dir.write({ "large": new Uint8Array(45 * MIB) });
    await Deno.mkdir(`${mount.path}/dst`);
    assertCannotFit(await blit(["copy", dir.at("large"), `${mount.path}/dst/`]));
    assertEquals([...(await snapshot(`${mount.path}/dst`)).keys()], ["."]);
    // A file is replaced by one that is complete: both must have room at the same time.
    await Deno.writeFile(`${mount.path}/dst/large`, new Uint8Array(20 * MIB));
    await dir.write({ "large": new Uint8Array(25 * MIB) });
    const before = await snapshot(mount.path);
    assertCannotFit(await blit(["copy", dir.at("large"), `${mount.path}/dst/`]));
    assertUntouched(before, await snapshot(mount.path), "the destination");
  },
);

testNeeding(tmpfs, "a dry run lists everything and then says that it cannot fit", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 8 });
  await dir.make("src", Array.from({ length: 30 }, (_, i) => `file f${i} 400000 ${i}`));
  for (const destination of [mount.path, `${mount.path}/new`]) {
    const result = await blitJson(["copy", "--dry-run", dir.at("src/"), destination]);
    assertExit(result, 1);
    assertSummary(result, { status: "failed", files_copied: 30 });
    assertEquals(result.summary.failures.map(({ code }: { code: string }) => code), ["no_room"]);
  }
});

testNeeding(tmpfs, "a dry run says, too, that a large file cannot stand beside the old one", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 50 });
  await dir.write({ "large": new Uint8Array(30 * MIB).fill(1) });
  await Deno.writeFile(`${mount.path}/large`, new Uint8Array(30 * MIB));
  assertCannotFit(await blit(["copy", dir.at("large"), mount.path]));
  const dry = await blitJson(["copy", "-n", dir.at("large"), mount.path]);
  assertExit(dry, 1);
  assertEquals(dry.summary.failures.map(({ code }: { code: string }) => code), ["no_room"]);
});

for (
  const [way, options, needs] of [["", {}, tmpfs], ["without the native library ", { withoutShim: true }, [
    ...tmpfs,
    bare,
  ]]] as [
    string,
    RunOptions,
    Need[],
  ][]
) {
  testNeeding(needs, `${way}a full destination is one verdict, and the run stops handing out files`, async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("tmpfs", { mib: 8 });
    const names = Array.from({ length: 2000 }, (_, i) => `d${i % 40}/f${i}`);
    await dir.make("src", [
      ...Array.from({ length: 40 }, (_, i) => `dir d${i}`),
      ...names.map((name, i) => `file ${name} 20000 ${i}`),
    ]);
    await dir.make("old", ["dir d0", "file d0/f0 5000 7", "file extra 10 8"]);
    assertExit(await blit(["copy", dir.at("old/"), `${mount.path}/dst`], options), 0);
    const result = await blitJson(["mirror", "--yes", "--force-space", dir.at("src/"), `${mount.path}/dst`], options);
    assertExit(result, 1);
    const { summary } = result;
    assertSummary(result, { status: "failed", failures_total: 1, files_failed: 0, files_deleted: 0 });
    assert(
      /^Cannot go on: no space left at the destination; [\d,]+ files found so far were not copied$/.test(
        summary.failures[0].message,
      ),
    );
    assert(summary.files_copied > 100 && summary.files_not_tried > 0, result.stdout);
    assert(summary.files_copied + summary.files_not_tried + summary.files_unchanged <= summary.files_total + 40);
    assert((await snapshot(`${mount.path}/dst`)).has("extra"));
    assertNothingTorn(await dir.snapshot("old"), await dir.snapshot("src"), await snapshot(`${mount.path}/dst`));
    assertEquals(temporaryNames(await snapshot(`${mount.path}/dst`)), []);
    const text = await blit(["copy", dir.at("src/"), `${mount.path}/dst`], options);
    assertExit(text, 1);
    assertSaysOnce(text, /space/i);
    if (!options.withoutShim) assertEquals(text.stderr.trimEnd().split("\n").length, 1, text.stderr);
  });
}

testNeeding(tmpfs, "a move onto a full disk keeps the source of everything that did not arrive", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 4 });
  const operations = Array.from({ length: 100 }, (_, i) => `file f${i} 80000 ${i}`);
  await dir.make("src", operations);
  await dir.make("wanted", operations);
  const result = await blitJson(["move", "--force-space", dir.at("src/"), `${mount.path}/dst`]);
  assertExit(result, 1);
  const [left, arrived] = [await dir.names("src"), [...(await snapshot(`${mount.path}/dst`)).keys()].slice(1)];
  assert(arrived.length > 10 && left.length > 10, result.stdout);
  assertEquals([...left, ...arrived].sort(), await dir.names("wanted"));
  assertEquals(result.summary.files_removed, arrived.length);
});

testNeeding(tmpfs, "what takes less room than it has bytes is not refused: holes and hard links", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 60 });
  await dir.write({ "src/linked": new Uint8Array(20 * MIB), "src/sparse": "begin" });
  await Deno.truncate(dir.at("src/sparse"), 1 << 30);
  for (let i = 0; i < 10; i++) await Deno.link(dir.at("src/linked"), dir.at(`src/also${i}`));
  for (const options of [[], ["-v"]]) {
    const result = await blit(["copy", dir.at("src/"), `${mount.path}/dst`, ...options]);
    assertExit(result, 0);
    await Deno.remove(`${mount.path}/dst`, { recursive: true });
  }
});

testNeeding(
  [linux, fileSystem("xfs"), command("rsync")],
  "a copy that shares its extents is not refused",
  async () => {
    await using mount = await mountNew("xfs");
    await Deno.writeFile(`${mount.path}/large`, new Uint8Array(170 * MIB));
    const result = await blitJson(["copy", `${mount.path}/large`, `${mount.path}/copy`]);
    assertExit(result, 0);
    assertEquals(result.summary.bytes_by_method.reflink, 170 * MIB);
  },
);

testNeeding(tmpfs, "a file system without a limit has room for everything", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 0 });
  await dir.write({ "large": new Uint8Array(20 * MIB) });
  assertExit(await blit(["copy", dir.at("large"), mount.path]), 0);
});

testNeeding(tmpfs, "directories that cannot all be made are given up early", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 8, options: "nr_inodes=60" });
  await dir.make("src", Array.from({ length: 300 }, (_, i) => `dir d${i}`));
  const result = await blit(["copy", dir.at("src/"), `${mount.path}/dst`]);
  assertExit(result, 1);
  assertSays(result, /files and directories needed|no space left/);
  assertEquals(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
});

testNeeding(tmpfs, "a run that copied something before it was found not to fit tells what it did", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 16 });
  await dir.make("small", Array.from({ length: 40 }, (_, i) => `file small${i} 1000 ${i}`));
  await dir.write({ "large/large": new Uint8Array(20 * MIB), "large/other": "o", "never/begun": "n" });
  const sources = ["small/", "large/", "never/"].map((name) => dir.at(name));
  const result = await blitJson(["copy", ...sources, mount.path]);
  assertExit(result, 1);
  assertSummary(result, { status: "failed", files_failed: 0, failures_total: 1 });
  assertEquals(result.summary.failures[0].code, "no_room");
  const there = [...(await snapshot(mount.path)).keys()];
  assertEquals(there.filter((path) => path.startsWith("small")).length, 40);
  assert(result.summary.files_copied >= 40, result.stdout);
  assert(!there.includes("large") && !there.includes("begun"), `${there}`);
});
