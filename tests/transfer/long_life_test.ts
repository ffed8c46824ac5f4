/** A daemon runs for weeks: what it holds does not grow with what it has done, and what others hold open does not stop it. */

import { assert, assertEquals } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import { parseArguments } from "../../lib/args/parse.ts";
import type { Inputs } from "../../lib/args/lists.ts";
import { resolveJob } from "../../lib/args/resolve.ts";
import { openControlChannel } from "../../lib/carrier/control.ts";
import type { RemoteEndpoint } from "../../lib/endpoint/remote.ts";
import { startPull } from "../../lib/session/pull.ts";
import { startPush } from "../../lib/session/push.ts";
import { TransferService } from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { startDaemon } from "../support/daemon.ts";
import { testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { until } from "../support/program.ts";
import { Scene, ways } from "./ways.ts";

const transfers = 1000;
/** The runtime's own memory grows by its last large step at about 500 transfers; V8 then keeps garbage of this much, or less. */
const settledAfter = 700;
const garbageBytes = 32 << 20;

testNeeding(
  [linux, command("rsync")],
  "after a thousand transfers a daemon holds no more than after the first hundreds",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "x", "src/sub/b": "y", "pushed": null, "pulled": null });
    await using daemon = await startDaemon(dir, { root: ".", unmeasured: true });
    // The client is this process: a thousand processes would take minutes.
    const { job } = resolveJob("mirror", parseArguments(["mirror", "a", "b", "--yes"]), {} as Inputs);
    const at = (path: string): RemoteEndpoint => ({
      ...{ host: "127.0.0.1", port: daemon.port, module: "default" },
      path,
      contents: true,
    });
    const sink = () => {};
    const push = async () => {
      using channel = openControlChannel({ host: "127.0.0.1", port: daemon.port });
      return await startPush({
        ...{ job, sourceRoot: dir.at("src"), destination: at("pushed"), channel, filterPrefix: "", sink },
        removeRoot: false,
        removeSourceRoot: () => 0,
      }).done;
    };
    const pull = async () => {
      using channel = openControlChannel({ host: "127.0.0.1", port: daemon.port });
      const placement = { destinationRoot: dir.at("pulled"), fresh: false, counted: false, filterPrefix: "" };
      return await startPull({ job, source: at("src"), channel, placement: { ...placement, removeRoot: false }, sink })
        .done;
    };
    const before = daemon.ownDescriptors();
    let settledBytes = 0;
    for (let done = 0; done < transfers; done++) {
      if (done === settledAfter) settledBytes = daemon.memory();
      // Every second one has something to do.
      if (done % 4 < 2) await dir.write({ "src/a": `${done}`, [`src/sub/${done % 8}`]: "z" });
      const { status } = await (done % 2 === 0 ? push() : pull());
      assertEquals(status, "ok");
    }
    assert(
      daemon.memory() < settledBytes + garbageBytes,
      `${daemon.memory() >> 20} MiB at the end, ${settledBytes >> 20} MiB after ${settledAfter} transfers`,
    );
    await assertFaithful(dir.at("src"), dir.at("pulled"));
    await until(() => daemon.ownDescriptors() <= before + 2, "descriptors to be closed");
    using channel = openControlChannel({ host: "127.0.0.1", port: daemon.port });
    const { jobs } = await createClient(TransferService, channel.transport).listJobs({});
    assertEquals(new Set(jobs.map(({ status }) => status)), new Set(["ok"]));
  },
);

testNeeding(
  [linux, command("prlimit")],
  "ten thousand idle connections to both ports are in nobody's way, and are gone when they leave",
  async () => {
    const many = ["prlimit", "--nofile=16384:16384"];
    await using scene = await Scene.open(ways[0], { wrapper: many });
    const { dir, daemon } = scene;
    await dir.write({ "src/a": "x", "src/sub/b": "y" });
    const before = daemon.descriptors();
    const { data_port } = await daemon.event("ready");
    const program = new URL("../support/idle_connections.ts", import.meta.url).pathname;
    const [first, ...rest] = [...many, Deno.execPath(), "run", "--quiet", "--allow-net", program, "5000"];
    const args = [...rest, String(daemon.port), data_port];
    const idle = new Deno.Command(first, { args, stdin: "piped", stdout: "piped" }).spawn();
    const lines = idle.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await lines.read()).value, "open\n");
    assertExit(await scene.run("copy", "src/", "dst"), 0);
    assertEquals(await dir.read("dst/sub/b"), "y");
    assertEquals((await daemon.client().serverInfo({})).activeCalls, 1);
    await lines.cancel();
    await idle.stdin.close();
    await idle.status;
    daemon.closeClients();
    await until(() => daemon.descriptors() <= before + 2, "the connections to be closed");
  },
);
