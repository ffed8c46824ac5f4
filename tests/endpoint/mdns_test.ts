/** Discovery between real processes, each test in a network of its own. */

import { assertEquals, assertMatch } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { command, type Need, root, testNeeding } from "../support/needs.ts";
import { parseLog } from "../support/daemon.ts";
import { blit, blitJson, type RunningProgram, startBlit, until } from "../support/program.ts";

/** A network whose only other end nobody listens at, and no route to anywhere else. */
const network = "ip link set lo up && ip link add d0 type veth peer name d1 && ip addr add 10.9.8.7/24 dev d0 && " +
  "ip link set d0 up && ip link set d1 up";

const networks: Need = (() => {
  if (root.missing !== undefined || command("unshare").missing !== undefined) {
    return { missing: "needs root and unshare" };
  }
  const { success } = new Deno.Command("unshare", { args: ["-n", "sh", "-c", network], stderr: "null" }).outputSync();
  return { missing: success ? undefined : "needs network namespaces and iproute2" };
})();

class Network implements AsyncDisposable {
  constructor(readonly dir: TestDirectory, readonly daemon: RunningProgram) {}

  /** Words that run a program in this network. */
  get wrapper(): string[] {
    return ["nsenter", "-t", `${this.daemon.pid}`, "-n"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.daemon.kill("SIGTERM");
    await this.daemon.result;
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Runs a daemon in a new network that `prepare` sets up. */
async function daemonIn(prepare: string, ...args: string[]): Promise<Network> {
  const dir = await testDirectory();
  const daemon = await startBlit(["daemon", "--root", dir.path, "--port", "0", ...args], {
    wrapper: ["unshare", "-n", "sh", "-c", `${prepare}; exec "$@"`, "sh"],
  });
  await until(() => daemon.output().includes("ready"), "the daemon's ready line");
  return new Network(dir, daemon);
}

testNeeding([networks], "blit scan finds a daemon that announces itself", async () => {
  await using net = await daemonIn(network);
  const port = /:(\d+)\n/.exec(net.daemon.output())![1];
  const { code, stdout } = await blit(["scan", "--for", "1s"], { wrapper: net.wrapper });
  assertEquals(code, 0);
  assertMatch(stdout, new RegExp(`^10\\.9\\.8\\.7:${port}  \\S+\\.local  default\n$`));
  const { summary } = await blitJson(["scan", "--for", "1s"], { wrapper: net.wrapper });
  assertEquals(summary.daemons.length, 1);
  const { port: found, addresses, modules } = summary.daemons[0];
  assertEquals([found, addresses[0], modules], [Number(port), "10.9.8.7", ["default"]]);
});

testNeeding([networks], "a daemon with --no-mdns is not found", async () => {
  await using net = await daemonIn(network, "--no-mdns");
  const { code, stdout, stderr } = await blit(["scan", "--for", "500ms"], { wrapper: net.wrapper });
  assertEquals([code, stdout, stderr], [0, "", "blit: no daemon answered\n"]);
});

testNeeding([networks], "where there is no network, daemon and scan work without", async () => {
  await using net = await daemonIn("true");
  const { code, stdout, stderr } = await blit(["scan", "--for", "200ms"], { wrapper: net.wrapper });
  assertEquals([code, stdout, stderr], [0, "", "blit: no daemon answered\n"]);
});

/** Holds the port as long as the process lives that starts it. */
const holder = `import { createSocket } from "node:dgram";
createSocket("udp4").bind(5353);
const parent = Deno.ppid;
setInterval(() => Deno.ppid === parent || Deno.exit(), 50);`;

testNeeding([networks], "where the port of mDNS is taken, the daemon says so once and runs on", async () => {
  const hold =
    `'${Deno.execPath()}' eval '${holder}' >/dev/null 2>&1 & until ss -lun | grep -q :5353; do sleep 0.05; done`;
  const net = await daemonIn(`${network}; ${hold}`);
  try {
    await until(() => net.daemon.errorOutput().includes("event=mdns"), "the warning");
    const { code, stderr } = await blit(["scan", "--for", "200ms"], { wrapper: net.wrapper });
    assertEquals(code, 0);
    assertMatch(stderr, /^blit: Cannot ask the whole network: .*EADDRINUSE.*\nblit: no daemon answered\n$/);
  } finally {
    await net[Symbol.asyncDispose]();
  }
  const { code, stderr } = await net.daemon.result;
  assertEquals([code, parseLog(stderr).filter(({ event }) => event === "mdns").length], [0, 1]);
});
