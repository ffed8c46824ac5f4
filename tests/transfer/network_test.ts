/** Networks that fail, in network namespaces of their own: a link that is cut and comes back, one that is cut for good. */

import { assertEquals, assertMatch } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { command, linux, type Need, root, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { startBlit, until } from "../support/program.ts";

const namespaces: Need = { missing: await whyNoNamespaces() };
const needs = [linux, root, command("ip"), command("rsync"), namespaces];

async function whyNoNamespaces(): Promise<string | undefined> {
  const probe = `blit-probe-${crypto.randomUUID().slice(0, 8)}`;
  try {
    if (!(await ip("netns", "add", probe)).success) return "needs network namespaces";
    await ip("netns", "del", probe);
    return undefined;
  } catch {
    return "needs the command ip";
  }
}

function ip(...args: string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command("ip", { args, stdin: "null", stdout: "null", stderr: "piped" }).output();
}

/** Two namespaces with a veth pair between them; gone with everything in them when disposed of. */
class Network implements AsyncDisposable {
  readonly address = "10.214.0.1";
  private constructor(readonly server: string, readonly client: string) {}

  static async make(): Promise<Network> {
    const name = `blit-test-${crypto.randomUUID().slice(0, 8)}`;
    const network = new Network(`${name}-s`, `${name}-c`);
    const { server, client, address } = network;
    const steps = [
      ["netns", "add", server],
      ["netns", "add", client],
      ["-n", server, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", client],
      ["-n", server, "addr", "add", `${address}/24`, "dev", "veth0"],
      ["-n", client, "addr", "add", "10.214.0.2/24", "dev", "veth0"],
      ["-n", server, "link", "set", "veth0", "up"],
      ["-n", client, "link", "set", "veth0", "up"],
    ];
    for (const step of steps) {
      const { success, stderr } = await ip(...step);
      if (!success) throw new Error(`ip ${step.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    }
    return network;
  }

  async link(state: "up" | "down"): Promise<void> {
    assertEquals((await ip("-n", this.server, "link", "set", "veth0", state)).success, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [this.server, this.client]) await ip("netns", "del", name);
  }
}

async function makeSource(dir: TestDirectory): Promise<void> {
  await dir.write({ "src/first": "x", "mod": null });
  for (let i = 0; i < 30; i++) await dir.write({ [`src/some/file${i}`]: new Uint8Array(1 << 20).fill(i) });
  await dir.write({ "src/large": new Uint8Array(30 << 20).fill(3) });
}

async function startAt(network: Network, dir: TestDirectory, words: string[] = []) {
  const daemon = await startBlit(
    ["daemon", "--root", dir.at("mod"), "--bind", network.address, "--port", "0", "--no-mdns", ...words],
    { wrapper: ["ip", "netns", "exec", network.server] },
  );
  const ready = /ready on \S+:(\d+)\n/;
  await until(() => ready.test(daemon.output()), "the daemon's ready line");
  const port = ready.exec(daemon.output())![1];
  return { daemon, place: (path: string) => `${network.address}:${port}:/default/${path}` };
}

testNeeding(needs, "a link that is cut for a moment costs that moment and nothing else", async () => {
  await using network = await Network.make();
  await using dir = await testDirectory();
  await makeSource(dir);
  const { daemon, place } = await startAt(network, dir);
  const copying = await startBlit(["copy", dir.at("src/"), place("dst"), "--bwlimit", "20M"], {
    wrapper: ["ip", "netns", "exec", network.client],
  });
  await until(() => dir.exists("mod/dst/some/file2"), "the first files");
  await network.link("down");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await network.link("up");
  assertExit(await copying.result, 0);
  await assertFaithful(dir.at("src"), dir.at("mod/dst"));
  daemon.kill("SIGTERM");
  await daemon.result;
});

for (const direction of ["pushed", "pulled"]) {
  testNeeding(
    needs,
    `${direction}: a link that stays cut ends both sides, and a later run completes the copy`,
    async () => {
      await using network = await Network.make();
      await using dir = await testDirectory();
      await makeSource(dir);
      await dir.write({ "config": "[limits]\nsilent_seconds = 2\n" });
      const [from, to] = direction === "pushed" ? ["src", "mod/dst"] : ["mod/src", "dst"];
      if (direction === "pulled") await Deno.rename(dir.at("src"), dir.at("mod/src"));
      const { daemon, place } = await startAt(network, dir, ["--config", dir.at("config")]);
      const inClient = { wrapper: ["ip", "netns", "exec", network.client] };
      const [source, destination] = direction === "pushed"
        ? [dir.at("src/"), place("dst")]
        : [place("src/"), dir.at("dst")];
      const words = ["copy", source, destination, "--stall-timeout", "2", "--retry", "1", "--wait", "100ms"];
      const copying = await startBlit([...words, "--bwlimit", "20M"], inClient);
      await until(() => dir.exists(`${to}/some/file2`), "the first files");
      await network.link("down");
      const broken = await copying.result;
      assertExit(broken, 1);
      assertMatch(broken.stderr, /said nothing for 2 s; trying again.*\n.*said nothing for 2 s/);
      await until(() => /procedure=Transfer /.test(daemon.errorOutput()), "the daemon to end the transfer");
      await network.link("up");
      const result = await (await startBlit(words, inClient)).result;
      assertExit(result, 0);
      assertMatch(result.stdout, /Unchanged [1-9]/);
      await assertFaithful(dir.at(from), dir.at(to));
      daemon.kill("SIGTERM");
      await daemon.result;
    },
  );
}
