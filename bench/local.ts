/**
 * `bench local`: every workload in every place, each row in a place of its own that is made for it and taken away.
 * Results are saved after each row, so that an interrupted run keeps what it has.
 */

import type { LocalOptions, RowOptions } from "./args.ts";
import { type Blit, blitFor, findBlit, recordingIn, toolOf } from "./blit.ts";
import type { Contender, Row, Tool } from "./contender.ts";
import { BenchError } from "./failure.ts";
import { floorsFor } from "./floors.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { type Facts, factsOf } from "./manifest.ts";
import { program } from "./native.ts";
import { findPeers, peersFor } from "./peers.ts";
import { absenceOf, type Room, roomMissing, sweepAbandoned, withPlace } from "./places.ts";
import { run, throwIfAborted } from "./process.ts";
import { type Results, saveResults, schemaVersion } from "./result.ts";
import { runRow } from "./row.ts";
import { renderRow } from "./table.ts";
import { type Workload, workloadById } from "./workloads.ts";

export interface Surroundings {
  /** Where results and notes are printed. */
  readonly print: (text: string) => void;
  /** Where the one line about what is going on goes. */
  readonly status: (text: string) => void;
  readonly color: boolean;
  readonly command: string;
  readonly file: string;
  readonly signal: AbortSignal;
}

interface Competition {
  readonly options: LocalOptions;
  readonly around: Surroundings;
  readonly blit?: Blit;
  /** Where blit keeps the history of these runs: that of the user stays as it is. */
  readonly config: string;
  readonly results: Results;
}

/** Raises BenchError when a place that was asked for is absent, Interrupted when the signal fired. */
export async function runLocal(options: LocalOptions, around: Surroundings): Promise<Results> {
  if (options.cold && Deno.uid() !== 0) throw new BenchError("Cannot drop the system's caches: --cold needs root");
  const { here, absent } = await findPlaces(options);
  for (const place of here) {
    for (const directory of await sweepAbandoned(place)) {
      around.print(`removed ${directory}, left by a bench that was killed\n`);
    }
  }
  const blit = await findBlit();
  const tools: Tool[] = [toolOf(blit), ...await findPeers()];
  const results: Results = {
    schema: schemaVersion,
    started: new Date().toISOString(),
    command: around.command,
    scale: options.scale,
    runs: options.runs,
    caches: options.cold ? "cold" : "warm",
    machine: await describeMachine(),
    tools,
    absent_places: absent,
    rows: [],
    skipped_rows: [],
    complete: false,
  };
  around.print(introduction(results));
  const config = await Deno.makeTempDir({ prefix: "blit-bench-config-" });
  const competition = { options, around, blit: "absent" in blit ? undefined : blit, config, results };
  try {
    for (const place of here) {
      for (const id of options.only) {
        const workload = workloadById(id);
        if (!workload || !options.placesGiven && workload.places?.includes(place) === false) continue;
        await runOne(competition, workload, place);
      }
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

/** Those of the places that this machine can make. Raises BenchError where one that was asked for is not among them. */
export async function findPlaces(
  options: Pick<RowOptions, "places" | "placesGiven">,
): Promise<{ here: string[]; absent: { id: string; absent: string }[] }> {
  const here: string[] = [];
  const absent: { id: string; absent: string }[] = [];
  for (const id of options.places) {
    const reason = await absenceOf(id);
    if (reason === undefined) here.push(id);
    else absent.push({ id, absent: reason });
  }
  if (options.placesGiven && absent.length > 0) {
    throw new BenchError(`Cannot use the place "${absent[0].id}": ${absent[0].absent}`);
  }
  return { here, absent };
}

async function runOne(competition: Competition, workload: Workload, placeId: string): Promise<void> {
  const { options, around, results } = competition;
  const { signal } = around;
  throwIfAborted(signal);
  const facts = factsOf(workload.source(options.scale));
  const room = roomFor(facts);
  const name = `${workload.id} in ${placeId}`;
  const missing = await roomMissing(placeId, room);
  if (missing !== undefined) {
    results.skipped_rows.push({ workload: workload.id, place: placeId, reason: missing });
    around.print(`${name}: skipped, ${missing}\n\n`);
    return;
  }
  around.status(`${name}: preparing`);
  await run([await program("warm"), String(2 * room.bytes)], signal);
  const runs = Math.max(1, Math.round(options.runs * workload.runFactor));
  const row = await withPlace(placeId, room, signal, async (place) => {
    const contenders = await chooseContenders(competition, { workload, fileSystem: place.fileSystem });
    return await runRow({
      workload,
      place,
      facts,
      contenders,
      scale: options.scale,
      runs,
      patienceMs: options.patienceMs,
      cold: options.cold,
      countsCalls: true,
      signal,
      onRound: (round) => around.status(`${name}: ${round === 0 ? "warming up" : `round ${round} of ${runs}`}`),
    });
  });
  results.rows.push(row);
  await saveResults(around.file, results);
  around.status("");
  around.print(renderRow(row, { cores: results.machine.cores, scale: options.scale }, around.color) + "\n");
}

async function chooseContenders({ options, blit, config, results }: Competition, row: Row): Promise<Contender[]> {
  const installed = results.tools.flatMap((tool) => "version" in tool ? [tool.id] : []);
  const peers = options.peers.filter((id) => installed.includes(id));
  return [
    ...(blit ? blitFor(row, blit, recordingIn(config)) : []),
    ...await floorsFor(row),
    ...peersFor(row, peers),
  ];
}

/** What the kernel keeps for an entry of a tmpfs: 1.0 KiB for inode and name on Linux 6.x, and a margin. */
const inodeBytes = 1229;

/** Source and one destination at a time, with what their inodes take. */
export function roomFor(facts: Facts): Room {
  const entries = 2 * (facts.files + facts.directories + facts.links);
  return { bytes: 2 * facts.allocated + entries * inodeBytes + 64 * 2 ** 20, entries };
}

export function machineLine({ cpu, cores, virtual, memory_gib, kernel }: Machine): string {
  return `${cpu}, ${cores} cores${virtual ? " (virtual)" : ""}, ${memory_gib} GiB, ${kernel}`;
}

export function introduction({ machine, tools, absent_places, scale, runs, caches }: Results): string {
  const lines = [
    machineLine(machine),
    `load ${
      machine.load_average.join(" ")
    }; scale ${scale}; at least ${runs} timed rounds, contenders in turns; caches ${caches ?? "warm"}`,
    ...tools.map((tool) => "version" in tool ? `${tool.id}: ${tool.version}` : `${tool.id}: absent (${tool.absent})`),
    ...absent_places.map(({ id, absent }) => `place ${id}: absent (${absent})`),
  ];
  return lines.join("\n") + "\n\n";
}
