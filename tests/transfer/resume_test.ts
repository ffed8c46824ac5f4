/** What a transfer that broke off leaves of a large file with --resume, and what the next one makes of it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { startBlit, until } from "../support/program.ts";
import { Scene, type Way, ways } from "./ways.ts";

const MEBIBYTES = 32;
const pushed = ways[0];

/** A file whose blocks all differ. */
async function fill(dir: TestDirectory, path: string): Promise<void> {
  await dir.write({ [path]: "" });
  using file = await Deno.open(dir.at(path), { write: true });
  const words = new Uint32Array((1 << 20) / 4);
  for (let block = 0; block < MEBIBYTES; block++) {
    for (let i = 0; i < words.length; i++) words[i] = (block << 20) + i;
    await file.write(new Uint8Array(words.buffer));
  }
}

/** Whether more than 12 MiB of a large file have arrived. */
async function partHolds(dir: TestDirectory, path: string): Promise<boolean> {
  const name = await partOf(dir, path);
  return name !== undefined && (await Deno.stat(dir.at(`${path}/${name}`))).blocks! > 12 << 11;
}

async function partOf(dir: TestDirectory, path = "dst"): Promise<string | undefined> {
  if (!await dir.exists(path)) return undefined;
  const names = temporaryNames(await dir.snapshot(path));
  return names.find((name) => /^\.blit-[0-9a-f]{24}\.part$/.test(name));
}

/** Bytes of the part that hold something. */
async function held(dir: TestDirectory, part: string): Promise<number> {
  const bytes = await Deno.readFile(dir.at(`dst/${part}`));
  let blocks = 0;
  for (let at = 0; at < bytes.length; at += 1 << 20) {
    if (bytes.subarray(at + 4, at + 8).some((byte) => byte !== 0)) blocks++;
  }
  return blocks << 20;
}

/** Kills a copy with --resume when several mebibytes have arrived; the name of the part that it left. */
async function breakOff(scene: Scene): Promise<string> {
  const { dir } = scene;
  const copying = await startBlit([
    "copy",
    scene.source("src/"),
    scene.destination("dst"),
    "--resume",
    "--bwlimit",
    "24M",
    ...(scene.way.inline ? ["--force-inline"] : []),
  ]);
  await until(async () => {
    const part = await partOf(dir);
    return part !== undefined && await held(dir, part) > 6 << 20;
  }, "a part with some mebibytes");
  copying.kill("SIGKILL");
  await copying.result;
  // The daemon lets go of it when it sees that its client is gone.
  await until(async () => await isFree(dir), "the part to be let go");
  const part = await partOf(dir);
  assertEquals(await dir.exists("dst/large"), false);
  return part!;
}

async function isFree(dir: TestDirectory): Promise<boolean> {
  const part = await partOf(dir);
  if (part === undefined) return true;
  using file = await Deno.open(dir.at(`dst/${part}`));
  const free = await file.tryLock(true);
  if (free) await file.unlock();
  return free;
}

const between: readonly Way[] = ways.filter(({ remote }) => remote !== "both");

for (const way of between) {
  testNeeding([linux, command("rsync")], `${way.name}: a large file goes on where it broke off`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await fill(dir, "src/large");
    const part = await breakOff(scene);
    const before = await held(dir, part);
    const result = await scene.run("copy", "src/", "dst", "--resume");
    assertExit(result, 0);
    const { resumed, network } = result.summary.bytes_by_method;
    assert(resumed >= before / 2, `only ${resumed} of ${before} bytes were used`);
    assertEquals(resumed + network, MEBIBYTES << 20);
    await assertFaithful(dir.at("src"), dir.at("dst"));
    assertEquals(temporaryNames(await dir.snapshot("dst")), []);
  });
}

testNeeding([linux, command("rsync")], "a part that is spoilt, longer and readable by all is put right", async () => {
  await using scene = await Scene.open(pushed);
  const { dir } = scene;
  await fill(dir, "src/large");
  await Deno.chmod(dir.at("src/large"), 0o600);
  const part = dir.at(`dst/${await breakOff(scene)}`);
  await Deno.chmod(part, 0o666);
  {
    using file = await Deno.open(part, { write: true });
    await file.seek(12345, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode("not what the source holds"));
  }
  await Deno.truncate(part, 40 << 20);
  assertExit(await scene.run("copy", "src/", "dst", "--resume", "--verify"), 0);
  await assertFaithful(dir.at("src"), dir.at("dst"));
  assertEquals(await dir.names("dst"), ["large"]);
});

testNeeding(
  [linux],
  "a part is in nobody's way: mirror --resume keeps it, a run without --resume removes it",
  async () => {
    await using scene = await Scene.open(pushed);
    const { dir } = scene;
    await fill(dir, "src/large");
    const part = await breakOff(scene);
    await dir.write({ "other/small": "x" });
    assertExit(await scene.run("mirror", "other/", "dst", "--resume", "--yes"), 0);
    assertEquals(await dir.names("dst"), [part, "small"].sort());
    assertExit(await scene.run("mirror", "other/", "dst", "--yes"), 0);
    assertEquals(await dir.names("dst"), ["small"]);
  },
);

testNeeding([linux, command("rsync")], "a part that another run is writing is left to it", async () => {
  await using scene = await Scene.open(pushed);
  const { dir } = scene;
  await fill(dir, "src/large");
  const part = await breakOff(scene);
  using file = await Deno.open(dir.at(`dst/${part}`));
  await file.lock(true);
  const result = await scene.run("copy", "src/", "dst", "--resume");
  assertExit(result, 0);
  assertEquals(result.summary.bytes_by_method.resumed, 0);
  assertEquals(await dir.names("dst"), [part, "large"].sort());
});

testNeeding(
  [linux, command("rsync")],
  "a daemon that is killed in the middle of a large file loses nothing of it",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "mod/dst": null });
    await fill(dir, "src/large");
    let daemon = await startDaemon(dir, { root: "mod" });
    const { port } = daemon;
    const place = `127.0.0.1:${port}:/default/dst`;
    const retrying = ["--resume", "--wait", "300ms", "--retry", "20"];
    const copying = await startBlit(["copy", dir.at("src/"), place, "--bwlimit", "24M", ...retrying, "--json"]);
    await until(() => partHolds(dir, "mod/dst"), "the part");
    daemon.program.kill("SIGKILL");
    await daemon.program.result;
    daemon = await startDaemon(dir, { root: "mod", args: ["--port", String(port)] });
    const result = await copying.result;
    await daemon[Symbol.asyncDispose]();
    assertExit(result, 0);
    const summary = JSON.parse(result.stdout);
    assert(summary.bytes_by_method.resumed > 0);
    assertMatch(summary.notices.join("\n"), /trying again/);
    await assertFaithful(dir.at("src"), dir.at("mod/dst"));
  },
);

testNeeding(
  [linux, command("rsync")],
  "a job between daemons goes on when the one that sends was killed and is back",
  async () => {
    await using dir = await testDirectory();
    await fill(dir, "a/src/large");
    await dir.write({ "b/dst": null });
    await using into = await startDaemon(dir, {
      config: `allow_daemons = ["127.0.0.1"]\n[[modules]]\nname = "default"\npath = "$DIR/b"\n`,
    });
    let from = await startDaemon(dir, { root: "a" });
    const { port } = from;
    const places = [`127.0.0.1:${port}:/default/src/`, into.place("default/dst")];
    const options = ["--resume", "--bwlimit", "24M", "--wait", "300ms", "--retry", "20", "--json"];
    const copying = await startBlit(["copy", ...places, ...options]);
    await until(() => partHolds(dir, "b/dst"), "the part", copying);
    from.program.kill("SIGKILL");
    await from.program.result;
    from = await startDaemon(dir, { root: "a", args: ["--port", String(port)] });
    const result = await copying.result;
    await from[Symbol.asyncDispose]();
    assertExit(result, 0);
    assertMatch(JSON.parse(result.stdout).notices.join("\n"), /trying again/);
    await assertFaithful(dir.at("a/src"), dir.at("b/dst"));
  },
);
