/**
 * The other side falls silent: stopped, hung, or behind a cable that was pulled, in each phase of a transfer. Nobody waits for it longer
 * than its patience, one signal ends a client at once, and a daemon frees what a silent client held. The time limit of every run
 * (support/program.ts) is what a wait without end fails on.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type DaemonOptions, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSaysOnce } from "../support/expect.ts";
import { startMuteProxy } from "../support/mute_proxy.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit, type Result, type RunningProgram, startBlit, until } from "../support/program.ts";
import { differences } from "../support/snapshot.ts";
import { type Way, ways } from "./ways.ts";

const SILENT = /said nothing for 1 s/;
const IMPATIENT = ["--stall-timeout", "1"];

/** Two daemons on one directory: one that falls silent, and one that fetches from it. */
class Scene implements AsyncDisposable {
  readonly #disposables = new AsyncDisposableStack();
  private constructor(
    readonly way: Way,
    readonly dir: TestDirectory,
    readonly daemon: TestDaemon,
    readonly fetching: TestDaemon | undefined,
  ) {}

  static async open(way: Way, limits = ""): Promise<Scene> {
    const dir = await testDirectory();
    const module = `[[modules]]\nname = "default"\npath = "$DIR"\n`;
    const options: DaemonOptions = { config: `allow_daemons = ["127.0.0.1"]\n[limits]\n${limits}${module}` };
    const daemon = await startDaemon(dir, options);
    const scene = new Scene(way, dir, daemon, way.remote === "both" ? await startDaemon(dir, options) : undefined);
    scene.#disposables.defer(() => dir[Symbol.asyncDispose]());
    for (const each of [daemon, scene.fetching]) if (each !== undefined) scene.#disposables.use(each);
    await dir.write({ "src/a": "x", "src/b": "y" });
    await fill(dir.at("src/large"), 30);
    return scene;
  }

  copy(...options: string[]): Promise<RunningProgram> {
    return startBlit(this.words(...options));
  }

  words(...options: string[]): string[] {
    const { way, dir, daemon, fetching } = this;
    const from = way.remote === "destination" ? dir.at("src/") : daemon.place("default/src/");
    const to = way.remote === "source" ? dir.at("dst") : (fetching ?? daemon).place("default/dst");
    return ["copy", from, to, ...(way.inline ? ["--force-inline"] : []), ...options];
  }

  /** Waits until content moves. */
  async moving(running?: RunningProgram): Promise<void> {
    await until(
      async () => await this.dir.exists("dst") && [...Deno.readDirSync(this.dir.at("dst"))].length > 1,
      "content",
      running,
    );
  }

  async assertCopied(): Promise<void> {
    const copy = await this.dir.snapshot("dst");
    assertEquals(differences(await this.dir.snapshot("src"), copy), []);
    assertEquals(temporaryNames(copy), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.daemon.program.kill("SIGCONT");
    await this.#disposables.disposeAsync();
  }
}

async function fill(path: string, megabytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const piece = new Uint8Array(1 << 20);
  for (let i = 0; i < megabytes; i++) await file.write(piece.fill(i + 1));
}

/** A port that takes connections and never says a word. */
function openSilentPort(): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port: 0 });
}

testNeeding([linux], "a port that takes connections and never answers ends every command, with one line", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "x" });
  using listener = openSilentPort();
  const host = `127.0.0.1:${listener.addr.port}`;
  const commands = [
    ["copy", dir.at("src/"), `${host}:/default/dst`, "--retry", "0"],
    ["mirror", `${host}:/default/src/`, dir.at("dst"), "--yes", "--retry", "0"],
    ["ls", `${host}:/default`],
    ["find", `${host}:/default`],
    ["du", `${host}:/default`],
    ["df", `${host}:/default`],
    ["rm", `${host}:/default/x`, "--yes"],
    ["modules", host],
    ["jobs", "list", host],
    ["jobs", "watch", host, "1"],
  ];
  const results = await Promise.all(commands.map((words) => blit([...words, ...IMPATIENT])));
  for (const result of results) {
    assertExit(result, 1);
    assertSaysOnce(result, SILENT);
    assertSays(result, /--stall-timeout allows more time/);
  }
  assertEquals(await dir.exists("dst"), false);
});

for (const way of ways) {
  // Without a limit connections stand still with full buffers: one that sends, and one inside the control channel.
  for (const limit of [["--bwlimit", "10M"], ...(way === ways[0] || way === ways[4] ? [[]] : [])]) {
    const name = limit.length > 0 ? `${way.name} with a limit` : way.name;
    testNeeding(
      [linux],
      `${name}: a daemon that stops is tried again, and the rest is copied once it goes on`,
      async () => {
        await using scene = await Scene.open(way);
        if (limit.length === 0) await fill(scene.dir.at("src/large"), 400);
        const copying = await scene.copy(...IMPATIENT, ...limit, "--retry", "20", "--wait", "100ms");
        await scene.moving(copying);
        scene.daemon.program.kill("SIGSTOP");
        await until(() => /trying again in/.test(copying.errorOutput()), "another attempt", copying);
        scene.daemon.program.kill("SIGCONT");
        const result = await copying.result;
        assertExit(result, 0);
        assertMatch(result.stderr, /(said nothing for|no progress for) 1 s.*; trying again in 0\.1 s \(1 of 20\)/);
        await scene.assertCopied();
      },
    );
  }

  if (way.inline) continue;
  testNeeding([linux], `${way.name}: a daemon that stops and does not go on is one line and an exit code`, async () => {
    await using scene = await Scene.open(way);
    const copying = await scene.copy(...IMPATIENT, "--bwlimit", "10M", "--retry", "0");
    await scene.moving(copying);
    scene.daemon.program.kill("SIGSTOP");
    const result = await copying.result;
    assertExit(result, 1);
    assertMatch(result.stderr, /^blit: .*(said nothing for|no progress for) 1 s.*\n$/);
    scene.daemon.program.kill("SIGCONT");
    assertExit(await blit(scene.words()), 0);
    await scene.assertCopied();
  });
}

for (const way of ways.slice(0, 2)) {
  testNeeding([linux], `${way.name}: a daemon that falls silent with its last word is no loss`, async () => {
    await using scene = await Scene.open(way);
    const { daemon } = scene;
    const { data_port } = await daemon.event("ready");
    using proxy = startMuteProxy(daemon.port, Number(data_port));
    const words = scene.words(...IMPATIENT, "--wait", "100ms").map((word) => word.replace("127.0.0.1", "127.0.0.2"));
    const copying = await startBlit(words);
    await until(
      async () => (await Deno.stat(scene.dir.at("dst/large")).catch(() => null))?.size === 30 << 20,
      "the file",
    );
    proxy.mute();
    assertExit(await copying.result, 0);
    await scene.assertCopied();
  });
}

/** Ends a client that would wait for ever with one signal. */
async function interrupt(running: RunningProgram, signal: Deno.Signal): Promise<Result> {
  running.kill(signal);
  const result = await running.result;
  assertExit(result, 130);
  assertEquals(result.signal, signal === "SIGINT" ? "SIGINT" : null);
  assertSaysOnce(result, /blit: stopping/);
  assertMatch(result.stdout, /^Interrupted\. /);
  return result;
}

const FOR_EVER = ["--stall-timeout", "0"];
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

for (const signal of signals) {
  testNeeding([linux], `one ${signal} ends a client that waits for an answer`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "x" });
    using listener = openSilentPort();
    const running = await startBlit([
      "copy",
      dir.at("src/"),
      `127.0.0.1:${listener.addr.port}:/default/dst`,
      ...FOR_EVER,
    ]);
    const connection = await listener.accept();
    await interrupt(running, signal);
    connection.close();
  });
}

for (const [index, way] of ways.entries()) {
  testNeeding(
    [linux],
    `${way.name}: one signal ends a client whose daemon is stopped, and leaves nothing half done`,
    async () => {
      await using scene = await Scene.open(way);
      const copying = await scene.copy(...FOR_EVER, "--bwlimit", "10M");
      await scene.moving(copying);
      scene.daemon.program.kill("SIGSTOP");
      await interrupt(copying, signals[index % signals.length]);
      if (way.remote === "source") assertEquals(temporaryNames(await scene.dir.snapshot("dst")), []);
    },
  );
}

testNeeding([linux], "a port that never answers is tried again as --retry says", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "x" });
  using listener = openSilentPort();
  const place = `127.0.0.1:${listener.addr.port}:/default/dst`;
  const result = await blit(["copy", dir.at("src/"), place, ...IMPATIENT, "--retry", "1", "--wait", "100ms"]);
  assertExit(result, 1);
  assertSaysOnce(result, /said nothing for 1 s; trying again in 0\.1 s \(1 of 1\)/);
});

testNeeding([linux], "one signal ends a client that waits for the next attempt", async () => {
  await using scene = await Scene.open(ways[0]);
  const copying = await scene.copy(...IMPATIENT, "--bwlimit", "10M", "--wait", "1h");
  await scene.moving(copying);
  scene.daemon.program.kill("SIGSTOP");
  await until(() => /trying again in/.test(copying.errorOutput()), "another attempt", copying);
  await interrupt(copying, "SIGTERM");
});

testNeeding([linux], "one signal ends a client whose daemon falls silent with its last word", async () => {
  await using scene = await Scene.open(ways[0]);
  const { data_port } = await scene.daemon.event("ready");
  using proxy = startMuteProxy(scene.daemon.port, Number(data_port));
  const copying = await startBlit(scene.words(...FOR_EVER).map((word) => word.replace("127.0.0.1", "127.0.0.2")));
  await until(
    async () => (await Deno.stat(scene.dir.at("dst/large")).catch(() => null))?.size === 30 << 20,
    "the file",
  );
  proxy.mute();
  await interrupt(copying, "SIGTERM");
});

for (const way of ways.filter(({ remote }) => remote !== "both")) {
  testNeeding([linux], `${way.name}: what a client held that stopped is free after a while`, async () => {
    await using scene = await Scene.open(way, "silent_seconds = 1\n");
    const { daemon, dir } = scene;
    // What a daemon opens with its first transfer it keeps.
    assertExit(await blit(scene.words()), 0);
    await Deno.remove(dir.at("dst"), { recursive: true });
    const before = daemon.ownDescriptors();
    const copying = await scene.copy("--bwlimit", "5M");
    await scene.moving(copying);
    copying.kill("SIGSTOP");
    assertEquals((await daemon.event("connections_closed")).reason, "stalled");
    await until(() => daemon.ownDescriptors() <= before, "the daemon's descriptors to be closed");
    const { stdout } = await blit(["jobs", "list", daemon.host]);
    assertMatch(stdout, /^2 +interrupted/);
    if (way.remote === "destination") assertEquals(temporaryNames(await dir.snapshot("dst")), []);
    copying.kill("SIGKILL");
    await copying.result;
  });
}

for (const way of ways.slice(1)) {
  testNeeding([linux], `${way.name}: a limit that stretches a small file over seconds is no stall`, async () => {
    await using scene = await Scene.open(way);
    await Deno.remove(scene.dir.at("src/large"));
    await scene.dir.write({ "src/slow": new Uint8Array(2500).fill(7) });
    const result = await blit(scene.words(...IMPATIENT, "--bwlimit", "1K", "--retry", "0"));
    assertExit(result, 0);
    assert(!/trying again/.test(result.stderr));
    await scene.assertCopied();
  });
}
