/** `--resume` of local copies: what a run that broke off left of a large file is used by the next one, and never mixed with another. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson, startBlit, until } from "../support/program.ts";

const MEBIBYTES = 24;

/** All blocks differ, and those of one version from those of another. */
function content(version: number): Uint8Array {
  const words = new Uint32Array(MEBIBYTES << 18);
  for (let i = 0; i < words.length; i++) words[i] = i * 4 + version;
  return new Uint8Array(words.buffer);
}

async function assertHolds(dir: TestDirectory, name: string, expected: Uint8Array): Promise<void> {
  const actual = await Deno.readFile(dir.at(name));
  assert(actual.length === expected.length && actual.every((byte, i) => byte === expected[i]), `${name} is not whole`);
}

/** Mebibytes of the file that hold something; room that is only reserved does not count. */
async function held(path: string): Promise<number> {
  const bytes = await Deno.readFile(path);
  let blocks = 0;
  for (let at = 0; at < bytes.length; at += 1 << 20) {
    if (bytes.subarray(at + 4, at + 8).some((byte) => byte !== 0)) blocks++;
  }
  return blocks;
}

/** Ends a copy onto an old file in the middle; the part that it left. */
async function breakOff(dir: TestDirectory, signal: Deno.Signal, options: string[] = []): Promise<string> {
  await dir.write({ "src/large": content(1), "dst/large": "old" });
  const args = ["copy", dir.at("src/"), dir.at("dst"), "--resume", "--bwlimit", "6M", ...options];
  const copying = await startBlit(args, { unmeasured: true });
  const part = () => Array.from(Deno.readDirSync(dir.at("dst")), ({ name }) => name).find((name) => name !== "large");
  await until(
    async () => part() !== undefined && await held(dir.at(`dst/${part()}`)) > 6,
    "some mebibytes of the part",
    copying,
  );
  copying.kill(signal);
  await copying.result;
  assertEquals(await dir.read("dst/large"), "old");
  return part()!;
}

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  testNeeding([linux], `a local copy that ${signal} ended goes on where it was, and says so`, async () => {
    await using dir = await testDirectory();
    const part = await breakOff(dir, signal);
    assert(/^\.blit-[0-9a-f]{24}\.part$/.test(part));
    const result = await blitJson(["copy", dir.at("src/"), dir.at("dst"), "--resume"]);
    assertExit(result, 0);
    const { resumed, read_write } = result.summary.bytes_by_method;
    assert(resumed > 4 << 20, `only ${resumed} bytes were used`);
    assertEquals(resumed + read_write, MEBIBYTES << 20);
    await assertHolds(dir, "dst/large", content(1));
    assertEquals(await dir.names("dst"), ["large"]);
  });
}

testNeeding([linux], "what is there already is told to people, too", async () => {
  await using dir = await testDirectory();
  await breakOff(dir, "SIGKILL");
  const result = await blit(["copy", dir.at("src/"), dir.at("dst"), "--resume"]);
  assertExit(result, 0);
  assertMatch(result.stdout, /already there/);
});

for (const options of [[], ["--verify"]]) {
  testNeeding(
    [linux],
    ["a part of another version, spoilt and longer, is put right", ...options].join(" "),
    async () => {
      await using dir = await testDirectory();
      const part = await breakOff(dir, "SIGKILL");
      await Deno.truncate(dir.at(`dst/${part}`), 40 << 20);
      const changed = content(1);
      changed.fill(7, 5 << 20, 6 << 20);
      changed.fill(8, 23 << 20);
      await dir.write({ "src/large": changed.subarray(0, changed.length - 5) });
      await Deno.chmod(dir.at("src/large"), 0o600);
      assertExit(await blit(["copy", dir.at("src/"), dir.at("dst"), "--resume", ...options]), 0);
      await assertHolds(dir, "dst/large", changed.subarray(0, changed.length - 5));
      assertEquals((await Deno.stat(dir.at("dst/large"))).mode! & 0o777, 0o600);
    },
  );
}

testNeeding([linux], "a source that changes while it is continued is not mixed: the old file stays", async () => {
  await using dir = await testDirectory();
  const part = dir.at(`dst/${await breakOff(dir, "SIGKILL")}`);
  const before = await held(part);
  const copying = await startBlit(["copy", dir.at("src/"), dir.at("dst"), "--resume", "--bwlimit", "12M"]);
  await until(async () => await held(part) > before, "more of the part", copying);
  using file = await Deno.open(dir.at("src/large"), { write: true });
  await file.write(new Uint8Array([9, 9, 9, 9]));
  assertExit(await copying.result, 2);
  assertEquals(await dir.read("dst/large"), "old");
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst"), "--resume"]), 0);
  const changed = content(1);
  changed.fill(9, 0, 4);
  await assertHolds(dir, "dst/large", changed);
});

testNeeding([linux], "a run without --resume begins anew and leaves no part", async () => {
  await using dir = await testDirectory();
  await breakOff(dir, "SIGKILL");
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertEquals([result.summary.bytes_by_method.resumed, await dir.names("dst")], [0, ["large"]]);
});

testNeeding(
  [linux, fileSystem("xfs"), command("mkfs.xfs")],
  "where extents are shared a part gives way to a clone",
  async () => {
    await using mount = await mountNew("xfs");
    await using dir = await testDirectory(mount.path);
    const part = await breakOff(dir, "SIGKILL", ["--verify"]);
    await Deno.truncate(dir.at(`dst/${part}`), 40 << 20);
    const result = await blitJson(["copy", dir.at("src/"), dir.at("dst"), "--resume"]);
    assertExit(result, 0);
    assertEquals(result.summary.bytes_by_method.reflink, MEBIBYTES << 20);
    await assertHolds(dir, "dst/large", content(1));
    assertEquals(await dir.names("dst"), ["large"]);
  },
);

testNeeding([linux, fileSystem("tmpfs")], "a full destination keeps the part for the run that finds room", async () => {
  await using mount = await mountNew("tmpfs", { mib: 40 });
  await using dir = await testDirectory();
  await dir.write({ "src/large": content(1) });
  await Deno.writeFile(`${mount.path}/ballast`, new Uint8Array(30 << 20).fill(1));
  const copy = ["copy", dir.at("src/"), `${mount.path}/dst`, "--resume"];
  assertExit(await blit(copy), 1, 2);
  await Deno.remove(`${mount.path}/ballast`);
  const result = await blitJson(copy);
  assertExit(result, 0);
  assertSummary(result, { files_failed: 0 });
  const names = Array.from(Deno.readDirSync(`${mount.path}/dst`), ({ name }) => name);
  assertEquals(names, ["large"]);
});
