/** A destination that is frozen by the kernel, and a source whose server falls silent. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences, assertSaysOnce } from "../support/expect.ts";
import { freeze, type Mount, mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, mounting, type Need, testNeeding } from "../support/needs.ts";
import { blit, type Json, startBlit, until } from "../support/program.ts";
import { mountSilent } from "../support/silent_mount.ts";
import { differences, snapshot } from "../support/snapshot.ts";

const fuse: Need = { missing: await Deno.stat("/dev/fuse").then(() => undefined, () => "needs /dev/fuse") };
const needs = [linux, command("cc"), command("fsfreeze"), fileSystem("ext4")];

const said = /^blit: Cannot go on with "[^"]+": no progress for \d+ s.*\. Check .* --stall-timeout allows more time\.$/;

/** Some small files and one that is copied in ranges, and an old version of some of them in the destination. */
async function fill(dir: TestDirectory, mount: Mount): Promise<void> {
  const files = Array.from({ length: 30 }, (_, i) => `file f${i} 20000 ${i}`);
  await dir.make("src", [...files, "dir d", "file d/large 40000000 99"]);
  await Deno.mkdir(`${mount.path}/dst`);
  for (const name of ["f1", "f2"]) await Deno.writeTextFile(`${mount.path}/dst/${name}`, "old");
}

async function assertCopied(dir: TestDirectory, mount: Mount): Promise<void> {
  const copy = await snapshot(`${mount.path}/dst`);
  assertNoDifferences(differences(await dir.snapshot("src"), copy), "the copy");
  assertEquals(temporaryNames(copy), []);
}

testNeeding(
  needs,
  "a run whose destination hangs gives up, names the path and what to check, and a rerun completes it",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("ext4");
    await fill(dir, mount);
    const args = ["copy", dir.at("src/"), `${mount.path}/dst`];
    const said =
      /^blit: Cannot go on with "[^"]+": no progress for \d+ s.*\. Check .* --stall-timeout allows more time\.$/;
    let running;
    {
      await using _frozen = await freeze(mount);
      running = await startBlit([...args, "--stall-timeout", "2"]);
      await until(() => /no progress/.test(running!.errorOutput()), "the stall was told", running);
    }
    // The kernel lets go of a process only when its system calls return.
    const result = await running.result;
    assertExit(result, 1);
    assertSaysOnce(result, said);
    for (const name of ["f1", "f2"]) {
      const content = await Deno.readFile(`${mount.path}/dst/${name}`);
      assert(content.length === 3 || content.length === 20_000, `${name} is torn: ${content.length} bytes`);
    }
    assertExit(await blit(args), 0);
    await assertCopied(dir, mount);
  },
);

testNeeding(needs, "a shorter stall is told, counted and survived", async () => {
  await using dir = await testDirectory();
  await using mount = await mountNew("ext4");
  await fill(dir, mount);
  await dir.write({ config: null });
  const env = { XDG_CONFIG_HOME: dir.at("config"), BLIT_DISABLE_PERF_HISTORY: "" };
  const args = ["copy", "--ndjson", "--stall-timeout", "0", dir.at("src/"), `${mount.path}/dst`];
  let running;
  {
    await using _frozen = await freeze(mount);
    running = await startBlit(args, { env });
    await until(() => running!.output().includes("No progress for"), "the stall was noted", running);
  }
  const result = await running.result;
  assertExit(result, 0);
  const events: Json[] = result.stdout.trim().split("\n").map((line) => JSON.parse(line));
  const notes = events.filter((event) => event.type === "planner" && /^No progress for \d/.test(event.message));
  assertEquals([notes.length > 0, events.at(-1).stalls], [true, notes.length]);
  await assertCopied(dir, mount);
  assertEquals(JSON.parse(await dir.read("config/blit/perf_local.jsonl")).stalls, notes.length);
});

testNeeding(
  [linux, command("cc"), mounting, fuse],
  "a run whose source falls silent gives up, and a rerun from a source that answers completes it",
  async () => {
    await using dir = await testDirectory();
    const size = 30_000_000;
    await dir.write({ "dst/file": "old", "dst/other": "kept" });
    let running;
    {
      await using source = await mountSilent(size, 4_000_000);
      running = await startBlit(["copy", "--stall-timeout", "2", `${source.path}/`, dir.at("dst")]);
      await until(() => /no progress/.test(running!.errorOutput()), "the stall was told", running);
    }
    const result = await running.result;
    assertExit(result, 1);
    assertSaysOnce(result, said);
    assertEquals([await dir.read("dst/file"), await dir.read("dst/other")], ["old", "kept"]);
    await using healthy = await mountSilent(size, size);
    assertExit(await blit(["copy", `${healthy.path}/`, dir.at("dst")]), 0);
    assertEquals(await dir.names("dst"), ["file", "other"]);
    assertEquals((await Deno.stat(dir.at("dst/file"))).size, size);
  },
);

for (const side of ["source", "destination"]) {
  testNeeding(
    [linux, command("cc"), mounting, fuse],
    `a ${side} on a mount that answers nothing is named`,
    async () => {
      await using dir = await testDirectory();
      await dir.write({ "here/a": "x" });
      let running;
      {
        await using dead = await mountSilent(1, 0);
        const [from, to] = side === "source"
          ? [`${dead.path}/`, dir.at("here")]
          : [dir.at("here/"), `${dead.path}/new`];
        running = await startBlit(["copy", "--stall-timeout", "1", from, to]);
        await until(() => running!.errorOutput().includes(dead.path), "the mount was named", running);
      }
      // The kernel lets a process go only when the request that its thread waits for is over.
      const result = await running.result;
      assertExit(result, 1);
      assertSaysOnce(result, said);
      assertEquals(await dir.names("here"), ["a"]);
    },
  );
}
