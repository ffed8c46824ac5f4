/**
 * Killed with SIGKILL at random moments: nothing is torn, a rerun completes and leaves nothing behind.
 *
 * BLIT_TEST_KILLS sets the number of kills (100), BLIT_TEST_SEED the random moments; a failure names its seed.
 */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit as run, pause, type Result, startBlit } from "../support/program.ts";
import { Random } from "../support/random.ts";
import { differences } from "../support/snapshot.ts";
import { assertNothingTorn } from "../support/torn.ts";

const needs = [linux, command("cc"), command("rsync")];
const kills = Number(Deno.env.get("BLIT_TEST_KILLS") ?? 100);
const seed = Number(Deno.env.get("BLIT_TEST_SEED") ?? Date.now() % 100_000);

const unmeasured = { unmeasured: true };
const blit = (args: string[]) => run(args, unmeasured);

/** Two versions of one tree: most files change, some come and go, some change their kind, some are equal. */
function version(number: number): string[] {
  const lines = ["dir same", "file same/a 5000 1", "dir d", "dir d/e", `dir only-${number}`];
  for (let i = 0; i < 60; i++) {
    const folder = ["", "d/", "d/e/"][i % 3];
    lines.push(`file ${folder}f${i} ${(i * 7919) % 60_000 + number} ${i + 1000 * number}`);
  }
  lines.push(`file d/medium ${900_000 + number} ${number}`, `file large ${17_500_000 + number * 1000} ${number + 7}`);
  for (let i = 0; i < 15; i++) {
    lines.push(`file only-${number}/f${i} ${i * 1000} ${i}`, `file new-${number}-${i} ${i * 3000} ${i}`);
  }
  lines.push(`symlink link target-${number}`, `file hard 70${number} ${number}`, "link d/hard hard");
  lines.push(
    ...number === 0 ? ["dir kind", "file kind/x 10 1", "file other-kind 10 1"] : [
      "file kind 20 2",
      "symlink other-kind x",
    ],
  );
  const times = lines.map((line) => line.split(" ")[1]).concat(".").map((path) =>
    `time ${path} ${1_000_000_000 + (path === "same/a" ? 0 : number)} 5`
  );
  return [...lines, ...times.reverse()];
}

/** Runs and kills after `delayMs`; true when it was still running. */
async function killed(args: string[], delayMs: number): Promise<boolean> {
  const running = await startBlit(args, unmeasured);
  await pause(delayMs);
  running.kill("SIGKILL");
  return (await running.result).signal === "SIGKILL";
}

/** When, after the start, the first change in `watched` shows and when all is over, in milliseconds. */
async function workingTime(args: string[], watched: string): Promise<{ from: number; to: number }> {
  const watcher = Deno.watchFs(watched);
  const start = performance.now();
  const first = (async () => {
    for await (const event of watcher) if (event.kind !== "access") return performance.now() - start;
  })();
  const running = await startBlit(args, unmeasured);
  const result: Result = await running.result;
  const to = performance.now() - start;
  assertExit(result, 0);
  watcher.close();
  return { from: Math.min(await first ?? 0, to), to };
}

/** Random moments, most of them while something is changed. */
function moment(random: Random, time: { from: number; to: number }): number {
  return time.from * 0.9 + random.below(1000) / 1000 * (time.to * 1.02 - time.from * 0.9);
}

async function twoVersions(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.make("v0", version(0));
  await dir.make("v1", version(1));
  return dir;
}

testNeeding(
  needs,
  `a mirror killed ${kills} times onto an existing tree: each file is old or new, a rerun completes`,
  async () => {
    await using dir = await twoVersions();
    const random = new Random(seed);
    const mirror = (number: number) => ["mirror", dir.at(`v${number}/`), dir.at("dst"), "--yes"];
    assertExit(await blit(mirror(1)), 0);
    await workingTime(mirror(0), dir.at("dst"));
    const time = await workingTime(mirror(1), dir.at("dst"));
    const versions = [await dir.snapshot("v0"), await dir.snapshot("v1")];
    let midway = 0;
    for (let i = 0; i < kills; i++) {
      const [next, old] = [i % 2, 1 - i % 2];
      const at = moment(random, time);
      // With a backup directory the old file gets a second name before the new one takes its place.
      const backup = i % 3 === 0 ? ["--backup-dir", dir.at(`backup${i}`)] : [];
      const hit = await killed([...mirror(next), ...backup], at);
      try {
        const now = await dir.snapshot("dst");
        assertNothingTorn(versions[old], versions[next], now);
        const progress = ["f0", "d/f1", "d/e/f59", "large", "d/medium"].filter((name) =>
          now.get(name)?.hash === versions[next].get(name)?.hash
        );
        if (hit && progress.length > 0 && progress.length < 5) midway++;
        assertExit(await blit(mirror(next)), 0);
        await assertFaithful(dir.at(`v${next}`), dir.at("dst"));
      } catch (error) {
        throw new Error(`kill ${i} after ${at.toFixed(1)} ms (BLIT_TEST_SEED=${seed}): ${error}`, { cause: error });
      }
    }
    assert(midway > 0, `none of ${kills} kills hit between the first and the last file, so nothing was shown`);
  },
);

testNeeding(
  needs,
  "a copy to a new place killed 20 times: nothing looks finished that is not, a rerun completes",
  async () => {
    await using dir = await twoVersions();
    const random = new Random(seed + 1);
    await dir.write({ "timing": null });
    const time = await workingTime(["copy", dir.at("v0/"), dir.at("timing/dst")], dir.at("timing"));
    const [nothing, source] = [new Map(), await dir.snapshot("v0")];
    for (let i = 0; i < 20; i++) {
      const args = ["copy", dir.at("v0/"), dir.at(`dst${i}`)];
      const at = moment(random, time);
      await killed(args, at);
      try {
        if (await dir.exists(`dst${i}`)) assertNothingTorn(nothing, source, await dir.snapshot(`dst${i}`));
        assertExit(await blit(args), 0);
        await assertFaithful(dir.at("v0"), dir.at(`dst${i}`));
      } catch (error) {
        throw new Error(`kill ${i} after ${at.toFixed(1)} ms (BLIT_TEST_SEED=${seed}): ${error}`, { cause: error });
      }
      await Deno.remove(dir.at(`dst${i}`), { recursive: true });
    }
  },
);

testNeeding(needs, "a move killed 20 times loses nothing, and a rerun completes", async () => {
  await using dir = await twoVersions();
  const random = new Random(seed + 2);
  await dir.make("timed", version(0));
  await dir.make("arrived", version(1));
  const time = await workingTime(["move", dir.at("timed/"), dir.at("arrived"), "--ignore-times"], dir.at("arrived"))
    .catch(() => ({ from: 30, to: 150 }));
  for (let i = 0; i < 20; i++) {
    await dir.make(`src${i}`, version(0));
    await dir.write({ [`dst${i}/present`]: "P" });
    const wanted = await dir.snapshot(`src${i}`);
    const args = ["move", dir.at(`src${i}/`), dir.at(`dst${i}`)];
    const at = moment(random, time);
    await killed(args, at);
    try {
      const [left, arrived] = [
        await dir.exists(`src${i}`) ? await dir.snapshot(`src${i}`) : new Map(),
        await dir.snapshot(`dst${i}`),
      ];
      for (const [path, entry] of wanted) {
        if (entry.type !== "f") continue;
        assert([left.get(path)?.hash, arrived.get(path)?.hash].includes(entry.hash), `${path} is lost`);
      }
      if (await dir.exists(`src${i}`)) assertExit(await blit(args), 0);
      // What was moved before the kill is out of the second run's sight: directory times and links to it are lost.
      const comparison = { extraAllowed: true, directoryTimes: false, rootEntry: false, hardLinks: false };
      assertNoDifferences(differences(wanted, await dir.snapshot(`dst${i}`), comparison), "the copy");
      const rest = await dir.exists(`src${i}`)
        ? [...(await dir.snapshot(`src${i}`)).values()].filter((entry) => entry.type !== "d")
        : [];
      assertEquals(rest, []);
    } catch (error) {
      throw new Error(`kill ${i} after ${at.toFixed(1)} ms (BLIT_TEST_SEED=${seed}): ${error}`, { cause: error });
    }
    await Deno.remove(dir.at(`dst${i}`), { recursive: true });
  }
});
