/**
 * A module on a mount whose server is gone. Whoever asks it hears so within the stall time, later ones at once, and the daemon serves its
 * other modules and ends when it is told to.
 */

import { assert, assertEquals } from "@std/assert";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSaysOnce } from "../support/expect.ts";
import { foldingFileSystems } from "../support/folding.ts";
import type { Mount } from "../support/mounts.ts";
import { command, linux, mounting, type Need, testNeeding } from "../support/needs.ts";
import { blit, pause, startBlit, until } from "../support/program.ts";
import { mountSilent, type SilentMount } from "../support/silent_mount.ts";

const fuse: Need = { missing: await Deno.stat("/dev/fuse").then(() => undefined, () => "needs /dev/fuse") };
const needs = [linux, command("cc"), mounting, fuse];
const brief = ["--retry", "0", "--stall-timeout", "2"];
const SIZE = 40_000_000;
const ntfs = foldingFileSystems.find(({ name }) => name === "NTFS")!;
const NO_ANSWER = /the file system does not answer$/;

/** A daemon with a module that is alive, and one on a mount that is to die. */
class Scene implements AsyncDisposable {
  readonly #disposables = new AsyncDisposableStack();

  private constructor(readonly dir: TestDirectory, readonly mount: SilentMount, readonly daemon: TestDaemon) {
    for (const each of [dir, mount, daemon]) this.#disposables.use(each);
    this.#disposables.defer(() => mount.revive());
  }

  static async open(disk?: Mount): Promise<Scene> {
    const dir = await testDirectory();
    await dir.write({ "alive/a": "1", "alive/b/c": "2", "src/new": "3" });
    const mount = await mountSilent(SIZE, SIZE);
    const modules = [["alive", dir.at("alive")], ["dead", disk?.path ?? mount.path]]
      .map(([name, path]) => `[[modules]]\nname = "${name}"\npath = "${path}"\n`);
    const config = `grace_seconds = 1\n[limits]\nstall_seconds = 1\n${modules.join("")}`;
    return new Scene(dir, mount, await startDaemon(dir, { config }));
  }

  /** The other module serves everything. */
  async assertServes(): Promise<void> {
    const { daemon, dir } = this;
    const [listed, pushed, pulled] = await Promise.all([
      blit(["ls", daemon.place("alive")]),
      blit(["copy", dir.at("src/"), daemon.place("alive/pushed/")]),
      blit(["copy", daemon.place("alive/b/"), dir.at("pulled/")]),
    ]);
    for (const result of [listed, pushed, pulled]) assertExit(result, 0);
    assertEquals([await dir.read("alive/pushed/new"), await dir.read("pulled/c")], ["3", "2"]);
  }

  /** On SIGTERM, while the mount is still dead. The kernel keeps a process whose request the mount's server has seen until it is answered. */
  async assertEnds(revive = () => this.mount.revive()): Promise<void> {
    const { program } = this.daemon;
    program.kill("SIGTERM");
    await until(() => this.daemon.events("stopped").length > 0, "the daemon has stopped");
    revive();
    assertExit(await program.result, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disposables[Symbol.asyncDispose]();
  }
}

/** The process that serves the mount does nothing until it is revived. */
function stop({ path }: Mount): Disposable & { revive(): void } {
  const serves = (pid: string) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").includes(path);
    } catch {
      return false;
    }
  };
  const servers = [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) =>
    /^\d+$/.test(name) && serves(name)
  );
  for (const pid of servers) Deno.kill(Number(pid), "SIGSTOP");
  const revive = () => servers.forEach((pid) => Deno.kill(Number(pid), "SIGCONT"));
  return { revive, [Symbol.dispose]: revive };
}

testNeeding(needs, "a module on a dead mount fails within the stall time, then at once; the others serve", async () => {
  await using scene = await Scene.open();
  const { daemon, mount, dir } = scene;
  mount.dieAway();
  const asked = await Promise.all([
    blit(["ls", daemon.place("dead")]),
    blit(["du", daemon.place("dead")]),
    blit(["find", daemon.place("dead"), "--name", "x"]),
    blit(["copy", dir.at("src/"), daemon.place("dead/")]),
    blit(["copy", dir.at("src/"), daemon.place("dead/new/")]),
    blit(["copy", daemon.place("dead/"), dir.at("into")]),
    blit(["rm", daemon.place("dead/none"), "--yes"]),
    scene.assertServes(),
  ]);
  for (const result of asked) {
    if (result === undefined) continue;
    assertExit(result, 1, 2);
    assertSaysOnce(result, NO_ANSWER);
  }
  const later = await blit(["ls", daemon.place("dead")]);
  assertExit(later, 1);
  assertSaysOnce(later, NO_ANSWER);
  assert(Number(daemon.events("call").at(-1)!.ms) < 900, "refused at once");
  await scene.assertServes();
  await scene.assertEnds();
});

testNeeding(needs, "a mount that dies during a pull breaks it off, and holds up nothing else", async () => {
  await using scene = await Scene.open();
  const { daemon, mount, dir } = scene;
  const running = await startBlit(["copy", daemon.place("dead/"), dir.at("into"), ...brief, "--bwlimit", "4M"]);
  await until(async () => await dir.exists("into") && (await dir.names("into")).length > 0, "something came", running);
  mount.dieAway();
  await scene.assertServes();
  const result = await running.result;
  assertExit(result, 1, 2);
  assertSays(result, /no progress for|does not answer/);
  await scene.assertServes();
  await scene.assertEnds();
});

testNeeding(
  [...needs, ...ntfs.needs],
  "a mount that dies during a push breaks it off, and holds up nothing else",
  async () => {
    await using disk = await ntfs.mount();
    await using scene = await Scene.open(disk);
    const { daemon, dir } = scene;
    await dir.make("large", ["file f 30000000 1"]);
    const running = await startBlit([
      "copy",
      dir.at("large/"),
      daemon.place("dead/"),
      "--retry",
      "0",
      "--bwlimit",
      "4M",
    ]);
    const grown = async () => (await Array.fromAsync(Deno.readDir(disk.path))).length > 0;
    await until(grown, "something came", running);
    using stopped = stop(disk);
    await scene.assertServes();
    const result = await running.result;
    assertExit(result, 1, 2);
    assertSays(result, /no progress for|does not answer/);
    await scene.assertServes();
    await scene.assertEnds(stopped.revive);
  },
);

for (const way of ["push from", "pull to", "local copy from", "local copy to"]) {
  testNeeding(
    needs,
    `a ${way} a dead mount on this side ends with one line, or one signal`,
    async () => {
      await using scene = await Scene.open();
      const { daemon, mount, dir } = scene;
      mount.dieAway();
      const operands = {
        "push from": [`${mount.path}/`, daemon.place("alive/new/")],
        "pull to": [daemon.place("alive/"), `${mount.path}/into`],
        "local copy from": [`${mount.path}/`, dir.at("into")],
        "local copy to": [dir.at("src/"), `${mount.path}/`],
      }[way]!;
      const result = await blit(["copy", ...operands, ...brief]);
      assertExit(result, 1);
      assertSaysOnce(result, /no progress for 2 s|does not answer/);
      const running = await startBlit(["copy", ...operands]);
      const maps = () => Deno.readTextFileSync(`/proc/${running.pid}/maps`);
      await until(() => maps().includes("libblit"), "it has opened the shim", running);
      await pause(500);
      running.kill("SIGTERM");
      assertExit(await running.result, 130);
      assert(!await dir.exists("alive/new"));
    },
  );
}
