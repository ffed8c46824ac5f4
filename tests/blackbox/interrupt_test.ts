/** SIGINT and SIGTERM: an orderly end, exit code 130, nothing torn, nothing left over, and a line that says how to go on. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSaysOnce, assertUntouched } from "../support/expect.ts";
import { command, linux, mounting, type Need, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, pause, type RunningProgram, startBlit, until } from "../support/program.ts";
import { Random } from "../support/random.ts";
import { mountSilent } from "../support/silent_mount.ts";
import { assertNothingTorn } from "../support/torn.ts";

const needs = [linux, command("cc")];
const fuse: Need = { missing: await Deno.stat("/dev/fuse").then(() => undefined, () => "needs /dev/fuse") };
const unmeasured = { unmeasured: true };

/** Versions 0 and 1 of a tree of 4 MB: many small files and one large one, new ones in version 1. */
async function trees(): Promise<TestDirectory> {
  const dir = await testDirectory();
  for (const number of [0, 1]) {
    const files = Array.from({ length: 80 }, (_, i) => `file d/f${i} ${20_000 + number} ${i + number * 1000}`);
    await dir.make(`v${number}`, ["dir d", ...files, `file large ${2_500_000 + number} ${number}`]);
  }
  await dir.make("v1", Array.from({ length: 20 }, (_, i) => `file new${i} 10000 ${i}`));
  return dir;
}

/** Waits until some file of the destination has changed. */
async function untilChanging(dir: TestDirectory, running: RunningProgram): Promise<void> {
  const before = await dir.exists("dst") ? (await dir.snapshot("dst")) : new Map();
  await until(
    async () => {
      if (!await dir.exists("dst")) return false;
      const now = await dir.snapshot("dst").catch(() => before);
      return [...now].some(([path, entry]) => path.startsWith("d/f") && entry.inode !== before.get(path)?.inode);
    },
    "a file changed",
    running,
  );
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testNeeding(
    needs,
    `${signal} ends a mirror in order: exit code 130, nothing torn, nothing left, a rerun completes`,
    async () => {
      await using dir = await trees();
      assertExit(await blit(["copy", dir.at("v0/"), dir.at("dst")]), 0);
      const args = ["mirror", dir.at("v1/"), dir.at("dst"), "--yes"];
      const running = await startBlit([...args, "--bwlimit", "1M", "--json"]);
      await untilChanging(dir, running);
      running.kill(signal);
      const result = await running.result;
      assertExit(result, 130);
      // Who dies by SIGINT ends the loop of a shell, too.
      assertEquals(result.signal, signal === "SIGINT" ? signal : null);
      assertSaysOnce(result, /interrupted.*again|interrupted.*continue/i);
      assertEquals(JSON.parse(result.stdout).status, "interrupted");
      const now = await dir.snapshot("dst");
      assertNothingTorn(await dir.snapshot("v0"), await dir.snapshot("v1"), now);
      assertEquals(temporaryNames(now), []);
      assertExit(await blit(args), 0);
      await assertFaithful(dir.at("v1"), dir.at("dst"));
    },
  );
}

testNeeding(needs, "SIGINT during the large file leaves the old one, or nothing where there was none", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file old 20000000 1", "file new 20000000 2"]);
  await dir.write({ "dst/old": "old content" });
  const running = await startBlit(["copy", dir.at("src/"), dir.at("dst"), "--bwlimit", "8M"]);
  await until(async () => (await dir.names("dst")).length > 1, "a file appeared", running);
  await pause(150);
  running.kill("SIGINT");
  assertExit(await running.result, 130);
  const now = await dir.snapshot("dst");
  assertEquals(temporaryNames(now), []);
  assertNothingTorn(new Map([["old", now.get("old")!]]), await dir.snapshot("src"), now);
  assertEquals(await dir.read("dst/old"), "old content");
});

testNeeding(needs, "SIGINT during a move: what was not moved is still in the source", async () => {
  await using dir = await trees();
  await dir.write({ "dst/present": "P" });
  const wanted = await dir.snapshot("v0");
  const running = await startBlit(["move", dir.at("v0/"), dir.at("dst"), "--bwlimit", "1M"]);
  await pause(400);
  running.kill("SIGINT");
  assertExit(await running.result, 0, 130);
  const left = await dir.exists("v0") ? await dir.snapshot("v0") : new Map();
  const arrived = await dir.snapshot("dst");
  for (const [path, entry] of wanted) {
    if (entry.type === "f") {
      assert([left.get(path)?.hash, arrived.get(path)?.hash].includes(entry.hash), `${path} is lost`);
    }
  }
  assertEquals(temporaryNames(arrived), []);
});

testNeeding(needs, "SIGINT during a check changes nothing and says nothing of continuing", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file a 20000000 1", "time a 1000000000 0"]);
  await dir.make("dst", ["file a 20000000 1", "time a 1000000000 0"]);
  const before = await dir.snapshot();
  const running = await startBlit(["check", "--checksum", "--bwlimit", "5M", dir.at("src/"), dir.at("dst")]);
  await pause(700);
  running.kill("SIGINT");
  const result = await running.result;
  assertExit(result, 130);
  assertSays(result, /interrupted/);
  assertUntouched(before, await dir.snapshot(), "the trees");
});

testNeeding(needs, "a second SIGINT ends at once, and a rerun still heals", async () => {
  await using dir = await trees();
  const running = await startBlit(["copy", dir.at("v1/"), dir.at("dst"), "--bwlimit", "1M"]);
  await untilChanging(dir, running);
  running.kill("SIGINT");
  running.kill("SIGINT");
  assertExit(await running.result, 130);
  assertExit(await blit(["copy", dir.at("v1/"), dir.at("dst")]), 0);
  await assertFaithful(dir.at("v1"), dir.at("dst"), { rsync: false });
});

testNeeding(
  needs,
  "interrupted at 40 random moments, with and without a limit: always an orderly end, and a rerun completes",
  async () => {
    await using dir = await trees();
    const seed = Number(Deno.env.get("BLIT_TEST_SEED") ?? Date.now() % 100_000);
    const random = new Random(seed);
    const [old, next] = [await dir.snapshot("v0"), await dir.snapshot("v1")];
    for (let i = 0; i < 40; i++) {
      await Deno.remove(dir.at("dst"), { recursive: true }).catch(() => {});
      assertExit(await blit(["copy", dir.at("v0/"), dir.at("dst")], unmeasured), 0);
      const args = ["mirror", dir.at("v1/"), dir.at("dst"), "--yes"];
      const running = await startBlit([...args, "--bwlimit", random.pick(["0", "2M", "30M"])], unmeasured);
      const at = 30 + random.below(250);
      await pause(at);
      running.kill("SIGINT");
      const result = await running.result;
      try {
        assertExit(result, 0, 130);
        const now = await dir.snapshot("dst");
        assertNothingTorn(old, next, now);
        assertEquals(temporaryNames(now), []);
      } catch (error) {
        throw new Error(`interrupt ${i} after ${at} ms (BLIT_TEST_SEED=${seed}): ${error}`, { cause: error });
      }
    }
    assertExit(await blit(["mirror", dir.at("v1/"), dir.at("dst"), "--yes"]), 0);
    await assertFaithful(dir.at("v1"), dir.at("dst"));
  },
);

testNeeding(needs, "SIGINT ends the loop of a shell with the run in it", async () => {
  await using dir = await trees();
  const loop = 'for i in 1 2 3; do echo "run $i"; "$@" || echo "code $?"; done; echo done';
  const running = await startBlit(["copy", dir.at("v0/"), dir.at("dst"), "--bwlimit", "1M"], {
    wrapper: ["setsid", "bash", "-c", loop, "loop"],
  });
  await untilChanging(dir, running);
  // As a terminal does it: to the shell and to what it runs.
  await new Deno.Command("kill", { args: ["-INT", "--", `-${running.pid}`] }).output();
  const { stdout, signal } = await running.result;
  assertEquals(signal, "SIGINT");
  assertEquals(stdout.match(/^(run|code|done).*$/gm), ["run 1"]);
});

for (
  const [signal, wrapper] of [["SIGHUP", ["nohup"]], ["SIGINT", ["sh", "-c", 'trap "" INT; exec "$0" "$@"']]] as const
) {
  testNeeding(needs, `${signal} that was ignored when the run began stays ignored`, async () => {
    await using dir = await trees();
    const running = await startBlit(["copy", dir.at("v0/"), dir.at("dst"), "--bwlimit", "4M"], { wrapper });
    await untilChanging(dir, running);
    running.kill(signal);
    await pause(50);
    running.kill(signal);
    assertExit(await running.result, 0);
    await assertFaithful(dir.at("v0"), dir.at("dst"), { rsync: false });
  });
}

testNeeding(needs, "SIGHUP ends a run in order", async () => {
  await using dir = await trees();
  const running = await startBlit(["copy", dir.at("v0/"), dir.at("dst"), "--bwlimit", "1M"]);
  await untilChanging(dir, running);
  running.kill("SIGHUP");
  const result = await running.result;
  assertExit(result, 130);
  assertSaysOnce(result, /interrupted/);
  assertEquals(temporaryNames(await dir.snapshot("dst")), []);
});

testNeeding(
  [linux, command("cc"), mounting, fuse],
  "one SIGTERM ends a run whose source has fallen silent",
  async () => {
    await using dir = await testDirectory();
    let running;
    {
      await using source = await mountSilent(30_000_000, 4_000_000);
      running = await startBlit(["copy", "--stall-timeout", "0", `${source.path}/`, dir.at("dst")]);
      await until(async () => await dir.exists("dst") && (await dir.names("dst")).length > 0, "the file", running);
      running.kill("SIGTERM");
      await until(() => /interrupted/.test(running!.errorOutput()), "the last word");
    }
    assertExit(await running.result, 130);
  },
);
