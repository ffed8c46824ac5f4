/**
 * `bench remote`: pushes and pulls between a client and a daemon and copies between two daemons, against what others have for that
 * and, for one file, a C program that does only the necessary system calls. All sides are on this machine; the network between them is one of networks.ts. Source and destination
 * are in memory, so that the network path is what is measured.
 */

import type { RemoteOptions } from "./args.ts";
import { type Blit, findBlit, toolOf } from "./blit.ts";
import { introduction, roomFor, type Surroundings } from "./local.ts";
import { describeMachine } from "./machine.ts";
import { factsOf } from "./manifest.ts";
import { program } from "./native.ts";
import { type Network, type NetworkId, networkMissing, withNetwork } from "./networks.ts";
import { findPeers } from "./peers.ts";
import { roomMissing, withPlace } from "./places.ts";
import { run, throwIfAborted } from "./process.ts";
import { type Direction, directions, remotePeerIds, startContenders } from "./remote_contenders.ts";
import { type Results, saveResults, schemaVersion } from "./result.ts";
import { runRow } from "./row.ts";
import { oneFile } from "./shapes.ts";
import { renderRow } from "./table.ts";
import { type Workload, workloadById } from "./workloads.ts";

const descriptions: Readonly<Record<Direction, string>> = {
  push: "push",
  pull: "pull",
  between: "from one daemon to another",
};

/** Over a line that carries a few MB/s a file of 2 GiB would take a quarter of an hour. */
const wanFile: Workload = {
  ...workloadById("one2g")!,
  id: "one64m",
  title: "one file of 64 MiB",
  source: (scale) => oneFile("large.bin", Math.max(1 << 20, Math.round((64 << 20) * scale))),
};

const wanWorkloads: readonly Workload[] = [wanFile];

function workloadsFor(network: NetworkId, only: readonly string[]): readonly Workload[] {
  return network === "wan" ? wanWorkloads : only.map((id) => workloadById(id)!);
}

export async function runRemote(options: RemoteOptions, around: Surroundings): Promise<Results> {
  const blit = await findBlit();
  const peers = (await findPeers()).filter(({ id }) => remotePeerIds.includes(id));
  const results: Results = {
    schema: schemaVersion,
    started: new Date().toISOString(),
    command: around.command,
    scale: options.scale,
    runs: options.runs,
    machine: await describeMachine(),
    tools: [toolOf(blit), ...peers],
    absent_places: [],
    rows: [],
    skipped_rows: [],
    complete: false,
  };
  around.print(introduction(results));
  const config = await Deno.makeTempDir({ prefix: "blit-bench-config-" });
  try {
    for (const id of options.networks) {
      const missing = await networkMissing(id);
      if (missing !== undefined) {
        results.skipped_rows.push({ workload: "all", place: id, reason: missing });
        around.print(`network ${id}: absent (${missing})\n\n`);
        continue;
      }
      await withNetwork(id, async (network) => {
        for (const workload of workloadsFor(id, options.only)) {
          await runWorkload(
            { options, around, results, config, network },
            workload,
            "absent" in blit ? undefined : blit,
          );
        }
      });
    }
  } finally {
    await Deno.remove(config, { recursive: true });
  }
  results.complete = true;
  await saveResults(around.file, results);
  around.status("");
  around.print(`results in ${around.file}\n`);
  return results;
}

interface Competition {
  readonly options: RemoteOptions;
  readonly around: Surroundings;
  readonly results: Results;
  readonly config: string;
  readonly network: Network;
}

async function runWorkload(competition: Competition, workload: Workload, blit: Blit | undefined): Promise<void> {
  const { options, around, results, config, network } = competition;
  const { signal } = around;
  throwIfAborted(signal);
  const facts = factsOf(workload.source(options.scale));
  const room = roomFor(facts);
  const missing = await roomMissing("tmpfs", room);
  if (missing !== undefined) {
    results.skipped_rows.push({ workload: workload.id, place: network.id, reason: missing });
    around.print(`${workload.id} over ${network.id}: skipped, ${missing}\n\n`);
    return;
  }
  await run([await program("warm"), String(2 * room.bytes)], signal);
  for (const direction of directions) {
    const name = `${workload.id} ${direction} over ${network.id}`;
    await withPlace("tmpfs", room, signal, async (place) => {
      const peers = results.tools.flatMap((tool) => "version" in tool ? [tool.id] : []);
      const setting = { blit, peers, place, direction, workload, network, config };
      await using servers = new AsyncDisposableStack();
      const { contenders, daemon } = await startContenders(setting, servers);
      const runs = Math.max(1, Math.round(options.runs * workload.runFactor));
      const row = await runRow({
        workload,
        place: {
          ...place,
          id: `${direction}:${network.id}`,
          description: `${descriptions[direction]} over ${network.description}, tmpfs`,
        },
        facts,
        contenders,
        scale: options.scale,
        runs,
        patienceMs: options.patienceMs,
        signal,
        onRound: (round) => around.status(`${name}: ${round === 0 ? "warming up" : `round ${round} of ${runs}`}`),
      });
      results.rows.push(row);
      await saveResults(around.file, results);
      around.status("");
      around.print(renderRow(row, { cores: results.machine.cores, scale: options.scale }, around.color));
      const peak = await daemon?.peakKib();
      around.print(peak === undefined ? "\n" : `peak memory of the daemon: ${Math.round(peak / 1024)} MiB\n\n`);
    });
  }
}
