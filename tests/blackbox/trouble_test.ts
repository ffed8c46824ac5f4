/** Destinations that fail: full, over quota, read-only, unable to hold what the source has. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import {
  assertExit,
  assertNoDifferences,
  assertSays,
  assertSaysOnce,
  assertSummary,
  assertUntouched,
} from "../support/expect.ts";
import { mountBind, mountNew, remount } from "../support/mounts.ts";
import { command, fileSystem, linux, mounting, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson } from "../support/program.ts";
import { differences, snapshot } from "../support/snapshot.ts";

const needs = [linux, command("cc"), command("rsync")];

/** Each file that has its source's size and time must have its content: a rerun would not look at it again. */
async function assertNothingTorn(source: string, destination: string, replaced?: string): Promise<void> {
  const [from, to] = [await snapshot(source), await snapshot(destination)];
  const old = replaced === undefined ? undefined : await snapshot(replaced);
  for (const [path, copy] of to) {
    const wanted = from.get(path);
    if (copy.type !== "f" || wanted === undefined) continue;
    const finished = copy.size === wanted.size && copy.mtimeNs === wanted.mtimeNs;
    assert(!finished || copy.hash === wanted.hash, `${path} looks finished and is not`);
    const before = old?.get(path);
    if (before !== undefined) assert([before.hash, wanted.hash].includes(copy.hash), `${path} is neither old nor new`);
  }
}

const FULL: Record<string, string[]> = {
  "many small files": Array.from({ length: 300 }, (_, i) => `file f${i} 40000 ${i}`),
  "one large file": ["file large 30000000 1", "file small 10 2"],
  "a large file over the workers among small ones": ["file a 100 1", "file large 40000000 2", "file z 100 3"],
};

for (const [name, operations] of Object.entries(FULL)) {
  testNeeding(
    [...needs, fileSystem("tmpfs")],
    `a full destination: ${name}; nothing is torn, and with room a rerun completes`,
    async () => {
      await using dir = await testDirectory();
      await using mount = await mountNew("tmpfs", { mib: 8 });
      await dir.make("src", operations);
      const result = await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]);
      assertExit(result, 1, 2);
      assertSays(result, /space/i);
      await assertNothingTorn(dir.at("src"), `${mount.path}/dst`);
      assertEquals(temporaryNames(await snapshot(`${mount.path}/dst`)), []);
      await remount(mount, "size=64m");
      assertExit(await blit(["copy", dir.at("src/"), `${mount.path}/dst`]), 0);
      await assertFaithful(dir.at("src"), `${mount.path}/dst`);
    },
  );
}

testNeeding(
  [...needs, fileSystem("tmpfs")],
  "a full destination: files that could not be replaced are the old ones",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("tmpfs", { mib: 12 });
    const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
    await dir.make("old", names.map((name, i) => `file ${name} 200000 ${i}`));
    await dir.make("src", names.map((name, i) => `file ${name} 300000 ${i + 1000}`));
    await dir.make("src", ["file huge 6000000 5"]);
    assertExit(await blit(["copy", dir.at("old/"), `${mount.path}/dst`]), 0);
    const result = await blitJson(["mirror", dir.at("src/"), `${mount.path}/dst`, "--yes"]);
    assertExit(result, 1, 2);
    assertSays(result, /space/i);
    await assertNothingTorn(dir.at("src"), `${mount.path}/dst`, dir.at("old"));
    assertEquals(temporaryNames(await snapshot(`${mount.path}/dst`)), []);
    await remount(mount, "size=64m");
    assertExit(await blit(["mirror", dir.at("src/"), `${mount.path}/dst`, "--yes"]), 0);
    await assertFaithful(dir.at("src"), `${mount.path}/dst`);
  },
);

testNeeding([...needs, fileSystem("tmpfs")], "a destination without inodes left fails in clear lines", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("tmpfs", { mib: 8, options: "nr_inodes=50" });
  await dir.make("src", Array.from({ length: 80 }, (_, i) => i % 4 === 0 ? `dir d${i}` : `file f${i} 10 ${i}`));
  const result = await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]);
  assertExit(result, 1, 2);
  assertSays(result, /space/i);
  await assertNothingTorn(dir.at("src"), `${mount.path}/dst`);
});

testNeeding(
  [...needs, fileSystem("btrfs"), command("btrfs")],
  "a quota that is used up is reported, nothing is torn, and with room a rerun completes",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("btrfs");
    const btrfs = async (...args: string[]) => {
      const output = await new Deno.Command("btrfs", { args, stdout: "null" }).output();
      assertEquals(output.success, true, new TextDecoder().decode(output.stderr));
    };
    await btrfs("quota", "enable", mount.path);
    await btrfs("subvolume", "create", `${mount.path}/dst`);
    await btrfs("qgroup", "limit", "6M", `${mount.path}/dst`);
    await dir.make("src", Array.from({ length: 100 }, (_, i) => `file f${i} 100000 ${i}`));
    const result = await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]);
    assertExit(result, 1, 2);
    assertSays(result, /quota/i);
    await assertNothingTorn(dir.at("src"), `${mount.path}/dst`);
    await btrfs("qgroup", "limit", "none", `${mount.path}/dst`);
    assertExit(await blit(["copy", dir.at("src/"), `${mount.path}/dst`]), 0);
    await assertFaithful(dir.at("src"), `${mount.path}/dst`);
  },
);

testNeeding([linux, mounting], "a read-only destination fails, and nothing is changed", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "new content", "src/b": "B", "src/d/c": "C", "dst/a": "old", "dst/extra": "E" });
  const before = await dir.snapshot("dst");
  await using mount = await mountBind(dir.at("dst"), { readOnly: true });
  for (const args of [["copy"], ["mirror", "--yes"]]) {
    const result = await blit([...args, dir.at("src/"), mount.path]);
    assertExit(result, 1, 2);
    assertSays(result, /read-only/i);
  }
  const fresh = await blit(["copy", dir.at("src/"), `${mount.path}/new`]);
  assertExit(fresh, 1, 2);
  assertSays(fresh, /read-only/i);
  assertUntouched(before, await dir.snapshot("dst"), "a read-only destination");
});

testNeeding([linux, mounting], "a move from a read-only source copies all, removes nothing and says so", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/d/b": "B" });
  await using mount = await mountBind(dir.at("src"), { readOnly: true });
  const result = await blit(["move", `${mount.path}/`, dir.at("dst")]);
  assertExit(result, 2);
  assertSays(result, /read-only/i);
  assertEquals([await dir.read("dst/a"), await dir.read("dst/d/b")], ["A", "B"]);
  assertEquals(await dir.names("src"), ["a", "d", "d/b"]);
});

testNeeding(
  [...needs, fileSystem("ramfs")],
  "attributes that the destination cannot hold are reported once, everything else is copied",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("ramfs");
    const names = Array.from({ length: 20 }, (_, i) => `f${i}`);
    await dir.make("src", [
      ...["dir d", "symlink l x", "fifo p", "file f0-linked 10 1"],
      ...names.flatMap((name, i) => [`file ${name} 50 ${i}`, `attribute ${name} user.a 31`, `mode ${name} 640`]),
      ...["attribute d user.b 32", "owner f3 5 6", "time f4 1000000000 7"],
    ]);
    const result = await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]);
    assertExit(result, 0);
    assertSummary(result, { status: "ok", files_failed: 0 });
    assertEquals(result.summary.notices.length, 1);
    assert(/attribute/i.test(result.summary.notices[0]), result.stdout);
    const text = await blit(["copy", "--ignore-times", dir.at("src/"), `${mount.path}/dst`]);
    assertExit(text, 0);
    assertSaysOnce(text, /attribute/i);
    assertNoDifferences(
      differences(await dir.snapshot("src"), await snapshot(`${mount.path}/dst`), { attributes: false }),
      "the copy",
    );
    // What cannot be brought over is no reason to write the content again.
    assertSummary(await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]), { status: "ok", bytes_copied: 0 });
  },
);

testNeeding([linux], "a file whose size reads 0 is copied with what it holds", async () => {
  await using dir = await testDirectory();
  assertExit(await blit(["copy", "/proc/version", dir.at("version")]), 0);
  assertEquals(await Deno.readTextFile(dir.at("version")), await Deno.readTextFile("/proc/version"));
});

Deno.test("a destination that is a link to nowhere is named, and nothing is touched", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "link": { to: "nowhere" } });
  const result = await blit(["copy", dir.at("src/"), dir.at("link")]);
  assertExit(result, 1);
  assertSaysOnce(result, /link.*leads nowhere/);
  assertEquals((await dir.names()).includes("nowhere"), false);
});
