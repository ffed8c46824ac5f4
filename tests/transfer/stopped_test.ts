/** Transfers whose daemon stops, or where somebody stops them: what their clients read, and what they do then. */

import { assertEquals, assertMatch } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson, startBlit, until } from "../support/program.ts";
import { directions, Scene, type Way } from "./ways.ts";

const MODULE = `[[modules]]\nname = "m"\npath = "$DIR"\n`;
const restarting = `grace_seconds = 0\nallow_daemons = ["127.0.0.1"]\n${MODULE}`;

/** A small file that arrives at once, and one that takes its time. */
async function fill(dir: TestDirectory): Promise<void> {
  await dir.write({ "src/a": "x", "src/large": new Uint8Array(40 << 20).fill(1) });
}

/** How source and destination of a copy within the test's directory are typed, which the daemon exports as "m". */
function placesOf({ remote }: Way, dir: TestDirectory, port: number): [source: string, destination: string] {
  const there = (path: string) => `127.0.0.1:${port}:/m/${path}`;
  return [
    remote === "destination" ? dir.at("src/") : there("src/"),
    remote === "source" ? dir.at("dst") : there("dst"),
  ];
}

for (const way of directions) {
  testNeeding([linux], `${way.name}: a daemon that is stopped ends its transfers in order, and says why`, async () => {
    await using dir = await testDirectory();
    await fill(dir);
    await using daemon = await startDaemon(dir, { config: restarting });
    const [from, to] = placesOf(way, dir, daemon.port);
    const copying = await startBlit(["copy", from, to, "--bwlimit", "20M", "--retry", "0"]);
    await until(async () => await dir.exists("dst/a"), "the first file");
    daemon.program.kill("SIGTERM");
    const result = await copying.result;
    assertExit(result, 1);
    assertEquals(result.stderr, "blit: The daemon is stopping\n");
    assertEquals((await daemon.program.result).code, 0);
    assertEquals(
      daemon.events("job").map(({ status }) => status),
      way.remote === "both" ? ["interrupted", "interrupted"] : ["interrupted"],
    );
    assertEquals(await dir.names("dst"), ["a"]);
  });

  testNeeding(
    [linux, command("rsync")],
    `${way.name}: what a daemon broke off that stopped is begun anew`,
    async () => {
      await using dir = await testDirectory();
      await dir.write({ "src/a": "x" });
      await fill(dir);
      const first = await startDaemon(dir, { config: restarting });
      const { port } = first;
      const [from, to] = placesOf(way, dir, port);
      const copying = await startBlit(["copy", from, to, "--bwlimit", "30M", "--wait", "300ms", "--retry", "20"]);
      await until(async () => await dir.exists("dst/a"), "the first file");
      first.program.kill("SIGTERM");
      await first.program.result;
      await using _second = await startDaemon(dir, { config: restarting, args: ["--port", String(port)] });
      const result = await copying.result;
      assertExit(result, 0);
      assertSays(result, /^blit: The daemon is stopping; trying again in 0\.3 s \(1 of 20\)$/m);
      await assertFaithful(dir.at("src"), dir.at("dst"));
    },
  );

  testNeeding(
    [linux],
    `${way.name}: a job that is cancelled at the daemon has failed, and is not begun anew`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir, daemon } = scene;
      await dir.write({ "src/a": "x" });
      await fill(dir);
      const copying = await startBlit(["copy", scene.source("src/"), scene.destination("dst"), "--bwlimit", "4M"]);
      await until(async () => await dir.exists("dst/a"), "the first file");
      const following = await startBlit(["jobs", "watch", daemon.host, "1"]);
      await until(() => following.output().includes("running"), "the job to be followed");
      assertExit(await blit(["jobs", "cancel", daemon.host, "1"]), 0);
      const result = await copying.result;
      assertExit(result, 1);
      assertEquals(result.stderr, "blit: .: The transfer was cancelled at the daemon\n");
      assertMatch(result.stdout, /^Failed\. Copied 1 file, 1 B /);
      assertEquals((await following.result).code, 1);
      const { jobs } = (await blitJson(["jobs", "list", daemon.host])).summary;
      assertEquals(jobs.find(({ id }: { id: number }) => id === 1).status, "cancelled");
      assertEquals(await dir.names("dst"), ["a"]);
    },
  );
}

testNeeding([linux], "a transfer that waits for its turn reads that the daemon is stopping", async () => {
  await using dir = await testDirectory();
  await fill(dir);
  await using daemon = await startDaemon(dir, { config: `${MODULE}[limits]\nsessions = 1\n` });
  const slow = ["--bwlimit", "8M", "--retry", "0"];
  const running = await startBlit(["copy", dir.at("src/"), daemon.place("m/one"), ...slow]);
  await until(async () => await dir.exists("one/a"), "the first file");
  const waiting = await startBlit(["copy", dir.at("src/"), daemon.place("m/two"), ...slow]);
  await until(() => waiting.errorOutput().includes("waiting for a turn"), "the second transfer to wait");
  daemon.program.kill("SIGTERM");
  const result = await waiting.result;
  running.kill("SIGKILL");
  await running.result;
  assertExit(result, 1);
  assertMatch(result.stderr, /\nblit: The daemon is stopping\n$/);
});

testNeeding(
  [linux],
  "a job between daemons whose source's daemon cancels it has failed, and is not begun anew",
  async () => {
    await using scene = await Scene.open(directions[2]);
    const { dir, daemon } = scene;
    await fill(dir);
    const copying = await startBlit(["copy", scene.source("src/"), scene.destination("dst"), "--bwlimit", "4M"]);
    await until(async () => await dir.exists("dst/a"), "the first file");
    assertExit(await blit(["jobs", "cancel", daemon.host, "2"]), 0);
    const result = await copying.result;
    assertExit(result, 1);
    assertEquals(result.stderr, "blit: .: The transfer was cancelled at the daemon\n");
  },
);

testNeeding([linux], "a job between daemons that its own client interrupts was not cancelled by somebody", async () => {
  await using scene = await Scene.open(directions[2]);
  const { dir, daemon } = scene;
  await fill(dir);
  const copying = await startBlit(["copy", scene.source("src/"), scene.destination("dst"), "--bwlimit", "4M"]);
  await until(async () => await dir.exists("dst/a"), "the first file");
  copying.kill("SIGTERM");
  const result = await copying.result;
  assertExit(result, 130);
  assertEquals(result.stderr.includes("cancelled"), false, result.stderr);
  await until(() => daemon.events("job").length === 2, "both jobs to end");
  assertEquals(daemon.events("job").map(({ status }) => status), ["interrupted", "interrupted"]);
});

testNeeding([linux], "a job between daemons can be cancelled while it waits for its turn at the source", async () => {
  await using dir = await testDirectory();
  await fill(dir);
  const source = await startDaemon(dir, { config: `${MODULE}[limits]\nsessions = 1\n` });
  await using daemon = await startDaemon(dir, { config: restarting });
  const slow = ["--bwlimit", "8M"];
  const running = await startBlit(["copy", source.place("m/src/"), dir.at("one"), ...slow]);
  await until(async () => await dir.exists("one/a"), "the first file");
  const waiting = await startBlit(["copy", source.place("m/src/"), daemon.place("m/two"), ...slow]);
  await until(() => waiting.errorOutput().includes("waiting for a turn"), "the second transfer to wait");
  assertExit(await blit(["jobs", "cancel", daemon.host, "1"]), 0);
  const result = await waiting.result;
  running.kill("SIGKILL");
  await running.result;
  await source[Symbol.asyncDispose]();
  assertExit(result, 1);
  assertMatch(result.stderr, /\nblit: The transfer was cancelled at the daemon\n$/);
});
