/** A source that changes while it is copied: files vanish, grow, shrink. Slowed down by --bwlimit so that there is time. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSaysOnce, failureOf } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blitJson, type JsonResult, pause, type RunningProgram, startBlit, until } from "../support/program.ts";

const needs = [linux, command("cc")];

/** Starts a slow copy of src/ to dst, calls `during` once something has arrived below dst, waits for the end. */
async function copyWhile(dir: TestDirectory, limit: string, during: () => Promise<void>): Promise<JsonResult> {
  const running = await startBlit(["copy", "--json", "--bwlimit", limit, dir.at("src/"), dir.at("dst")]);
  await until(async () => await dir.exists("dst") && (await dir.names("dst")).length > 0, "something arrived", running);
  await during();
  const result = await running.result;
  return { ...result, summary: JSON.parse(result.stdout) };
}

testNeeding(needs, "files that vanish during the copy are named, the others are copied", async () => {
  await using dir = await testDirectory();
  const names = Array.from({ length: 60 }, (_, i) => `f${String(i).padStart(2, "0")}`);
  await dir.make("src", names.map((name, i) => `file ${name} 50000 ${i}`));
  const removed: string[] = [];
  const result = await copyWhile(dir, "1M", async () => {
    for (const name of names) {
      if (await dir.exists(`dst/${name}`)) continue;
      await Deno.remove(dir.at(`src/${name}`));
      removed.push(name);
      if (removed.length === 20) break;
    }
  });
  const arrived = await dir.names("dst");
  const lost = removed.filter((name) => !arrived.includes(name));
  assert(lost.length > 0, "no file vanished in time");
  assertExit(result, 2);
  for (const name of lost) assertEquals(failureOf(result, name).code, "ENOENT");
  assertEquals(result.summary.failures_total, lost.length);
  assertSaysOnce(result, new RegExp(`${lost[0]}: .*no such file`, "i"));
  assertEquals(names.filter((name) => !arrived.includes(name)), lost);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false, extraAllowed: true, directoryTimes: false });
});

testNeeding(needs, "a directory that vanishes during the copy is named, the others are copied", async () => {
  await using dir = await testDirectory();
  const files = Array.from({ length: 40 }, (_, i) => `file first/f${i} 50000 ${i}`);
  await dir.make("src", ["dir first", ...files, "dir later", "dir later/deep", "file later/deep/x 10 1"]);
  const result = await copyWhile(dir, "1M", async () => await Deno.remove(dir.at("src/later"), { recursive: true }));
  assertExit(result, 0, 2);
  if (result.code === 2) assertSays(result, /later/);
  else assertEquals(await dir.exists("dst/later/deep/x"), true);
  assertEquals((await dir.names("dst/first")).length, 40);
});

const MUTATIONS: Record<string, (path: string, step: number) => Promise<void>> = {
  "grows": (path, step) => Deno.writeFile(path, new Uint8Array(20_000).fill(step), { append: true }),
  "shrinks": async (path) => Deno.truncate(path, Math.max(0, (await Deno.stat(path)).size - 10_000)),
};

/** Both the small files' path and that of large ones. */
const SIZES = [1_500_000, 20_000_000];

/** Waits until data of `name` has reached dst, under whatever name; src also holds a file "other". */
async function untilWriting(dir: TestDirectory, running: RunningProgram): Promise<void> {
  await until(
    async () => {
      if (!await dir.exists("dst")) return false;
      const entries = [...await dir.snapshot("dst").catch(() => new Map())];
      return entries.some(([path, entry]) => path !== "." && path !== "other" && entry.blocks > 0 && entry.size !== 3);
    },
    "data arrived",
    running,
  );
}

/** No copy of the file looks finished without being so, and a rerun makes all equal. */
async function assertHeals(dir: TestDirectory): Promise<void> {
  const [source, copy] = [await dir.snapshot("src"), await dir.snapshot("dst")];
  assertEquals(copy.get("other")?.hash, source.get("other")?.hash);
  const [now, made] = [source.get("changing")!, copy.get("changing")];
  const looksFinished = made !== undefined && made.size === now.size && made.mtimeNs === now.mtimeNs;
  assert(!looksFinished || made.hash === now.hash, "the copy looks finished and is not");
  assertEquals(temporaryNames(copy), []);
  assertExit(await blitJson(["copy", dir.at("src/"), dir.at("dst")]), 0);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
}

for (const [what, mutate] of Object.entries(MUTATIONS)) {
  for (const size of SIZES) {
    testNeeding(
      needs,
      `a file of ${size} bytes that ${what} all the time is named, the others are copied, a rerun heals`,
      async () => {
        await using dir = await testDirectory();
        await dir.make("src", [`file changing ${size} 1`, "file other 1000 2"]);
        const running = await startBlit(["copy", "--json", "--bwlimit", `${size * 2}B`, dir.at("src/"), dir.at("dst")]);
        await untilWriting(dir, running);
        let ended = false;
        void running.result.finally(() => ended = true);
        for (let step = 0; !ended; step++) {
          await mutate(dir.at("src/changing"), step);
          await pause(20);
        }
        const result = await running.result;
        assertExit(result, 2);
        assertEquals(failureOf({ ...result, summary: JSON.parse(result.stdout) }, "changing").code, "changed");
        assertSaysOnce(result, /changing: /);
        await assertHeals(dir);
      },
    );

    testNeeding(needs, `a file of ${size} bytes that ${what} once is copied as it is now, or named`, async () => {
      await using dir = await testDirectory();
      await dir.make("src", [`file changing ${size} 1`, "file other 1000 2"]);
      const running = await startBlit(["copy", "--bwlimit", `${size * 2}B`, dir.at("src/"), dir.at("dst")]);
      await untilWriting(dir, running);
      await mutate(dir.at("src/changing"), 0);
      const result = await running.result;
      assertExit(result, 0, 2);
      if (result.code === 2) assertSaysOnce(result, /changing: /);
      else await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
      await assertHeals(dir);
    });
  }
}

for (const size of SIZES) {
  testNeeding(needs, `an existing file whose source of ${size} bytes keeps shrinking stays the old one`, async () => {
    await using dir = await testDirectory();
    await dir.make("src", [`file changing ${size} 1`, "file other 1000 2"]);
    await dir.write({ "dst/changing": "old" });
    const running = await startBlit(["copy", "--bwlimit", `${size * 2}B`, dir.at("src/"), dir.at("dst")]);
    await untilWriting(dir, running);
    let ended = false;
    void running.result.finally(() => ended = true);
    while (!ended) {
      await MUTATIONS.shrinks(dir.at("src/changing"), 0);
      await pause(20);
    }
    assertExit(await running.result, 2);
    assertEquals(await dir.names("dst"), ["changing", "other"]);
    assertEquals(await dir.read("dst/changing"), "old");
  });
}
