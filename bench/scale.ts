/**
 * `bench scale`: whether the cost of files grows linearly. For each count a tree of so many entries in a tmpfs is copied,
 * mirrored with nothing changed, and mirrored after one file in a hundred was removed from the source; each on this
 * machine alone, and as a push to a daemon on the loopback.
 *
 * Per round and way: 1. the copy, 2. the mirror without a change, 3. files are removed, 4. the mirror that deletes them,
 * 5. the source is made whole again and the destination removed. Only the runs of 1, 2 and 4 are timed, and the
 * destination is compared after each. Results are saved after each count.
 */

import type { ScaleOptions } from "./args.ts";
import { type Blit, blitWords, findBlit, recordingIn, toolOf } from "./blit.ts";
import { keepsAll } from "./contender.ts";
import { BenchError } from "./failure.ts";
import { makeTree, removeTree } from "./generate.ts";
import { waitForIdle } from "./idle.ts";
import { findPlaces, machineLine, roomFor, type Surroundings } from "./local.ts";
import { availableMemory, describeMachine } from "./machine.ts";
import { measure } from "./measure.ts";
import { program } from "./native.ts";
import { type Network, withNetwork } from "./networks.ts";
import { type Place, type Room, roomMissing, sweepAbandoned, withPlace } from "./places.ts";
import { run, throwIfAborted } from "./process.ts";
import { saveResults } from "./result.ts";
import { compareTrees, sourceOf } from "./row.ts";
import { renderScale, type ScaleResults, type ScaleRow, scaleSchema, scaleTasks, scaleWays } from "./scale_result.ts";
import { startBlitDaemon } from "./servers.ts";
import { countedTree, everyFile, tinyEvery } from "./shapes.ts";
import { showCount } from "./units.ts";

/** From so many entries on, rounds take minutes: there are fewer, and none to warm up. */
const manyEntries = 1_000_000;
const runsOfFew = 5;
const runsOfMany = 3;

/** One file of so many is removed. */
const removedEvery = 100;

interface Course {
  readonly options: ScaleOptions;
  readonly around: Surroundings;
  readonly blit: Blit;
  /** Where blit keeps the history of these runs: that of the user stays as it is. */
  readonly config: string;
  readonly network: Network;
  readonly results: ScaleResults;
}

/** Raises BenchError when there is no tmpfs or no blit, Interrupted when the signal fired. */
export async function runScale(options: ScaleOptions, around: Surroundings): Promise<ScaleResults> {
  await findPlaces({ places: ["tmpfs"], placesGiven: true });
  for (const directory of await sweepAbandoned("tmpfs")) {
    around.print(`removed ${directory}, left by a bench that was killed\n`);
  }
  const blit = await findBlit();
  if ("absent" in blit) throw new BenchError(`Cannot measure blit: ${blit.absent}`);
  const results: ScaleResults = {
    schema: scaleSchema,
    started: new Date().toISOString(),
    command: around.command,
    machine: await describeMachine(),
    tools: [toolOf(blit)],
    rows: [],
    skipped_counts: [],
    complete: false,
  };
  around.print(`${machineLine(results.machine)}\nblit: ${blit.version}, ${blit.how}\n\n`);
  const config = await Deno.makeTempDir({ prefix: "blit-bench-config-" });
  try {
    await withNetwork("loopback", async (network) => {
      for (const entries of options.counts) {
        await runCount({ options, around, blit, config, network, results }, entries);
      }
    });
  } finally {
    await Deno.remove(config, { recursive: true });
  }
  results.complete = true;
  await saveResults(around.file, results);
  around.status("");
  if (results.rows.length > 0) around.print(`\n${renderScale(results.rows)}`);
  around.print(`\nresults in ${around.file}\n`);
  return results;
}

async function runCount(course: Course, entries: number): Promise<void> {
  const { options, around, results } = course;
  const { signal } = around;
  throwIfAborted(signal);
  const room = scaleRoom(entries);
  const missing = await roomMissing("tmpfs", room);
  if (missing !== undefined) {
    results.skipped_counts.push({ entries, reason: missing });
    around.print(`${showCount(entries)} entries: skipped, ${missing}\n`);
    return;
  }
  const runs = runsFor(options, entries);
  around.print(`${showCount(entries)} entries: timed rounds ${runs}, to warm up ${warmUps(entries)}\n`);
  around.status(`${showCount(entries)} entries: preparing`);
  await run([await program("warm"), String(Math.floor(Math.min(room.bytes, availableMemory() / 2)))], signal);
  const rows = await withPlace("tmpfs", room, signal, async (place) => {
    await makeTree(sourceOf(place), countedTree(entries), signal);
    const rows = scaleWays.flatMap((way) =>
      scaleTasks.map((task): ScaleRow => ({ entries, task, way, samples: [], daemon_peak_kib: [] }))
    );
    for (let round = 1 - warmUps(entries); round <= runs; round++) {
      for (const way of scaleWays) {
        const ofWay = rows.filter((row) => row.way === way);
        // After a failure nobody knows what the next task would find.
        if (ofWay.some(({ failure }) => failure !== undefined)) continue;
        await runRound(course, place, ofWay, round);
      }
    }
    return rows;
  });
  results.rows.push(...rows);
  await saveResults(around.file, results);
  around.status("");
}

/** All tasks of one way in turn. Round 0 is not counted. */
async function runRound(course: Course, place: Place, rows: readonly ScaleRow[], round: number): Promise<void> {
  const { options, around } = course;
  const { signal } = around;
  const { entries, way } = rows[0];
  const [source, destination] = [sourceOf(place), destinationOf(place)];
  let whole = true;
  for (const row of rows) {
    around.status(`${showCount(entries)} entries, ${way}, ${row.task}: round ${round}`);
    if (row.task === "1 % deleted") {
      whole = false;
      removeFiles(source, entries, signal);
    }
    await waitForIdle(options.patienceMs, signal);
    await runTask(course, place, row, round > 0);
    if (row.failure !== undefined) break;
    const { differences, first } = await compareTrees(source, destination, keepsAll, signal);
    if (differences > 0) {
      row.failure = `wrong result: ${differences} differences, the first is ${first}`;
      break;
    }
  }
  if (!whole) await makeTree(source, everyFile(countedTree(entries), removedEvery), signal);
  await removeTree(destination, signal);
}

/** Each run has a daemon of its own: its peak memory is then that of this run. */
async function runTask(course: Course, place: Place, row: ScaleRow, counted: boolean): Promise<void> {
  const { blit, config, network, around } = course;
  const { task, way } = row;
  await using daemon = way === "push" ? await startBlitDaemon(blit, place.root, network, config, "server") : undefined;
  const destination = destinationOf(place);
  const to = daemon ? `${network.address}:${daemon.port}:/default${destination.slice(place.root.length)}` : destination;
  const outcome = await measure(
    [...blit.command, ...blitWords({ task: task === "copy" ? task : "mirror" }, sourceOf(place), to)],
    `${place.root}/errors`,
    around.signal,
    recordingIn(config),
  );
  const peak = await daemon?.peakKib();
  if ("failure" in outcome) row.failure = outcome.failure;
  else if (counted) {
    row.samples.push(outcome.sample);
    if (peak !== undefined) row.daemon_peak_kib.push(peak);
  }
}

function removeFiles(source: string, entries: number, signal: AbortSignal): void {
  for (const { kind, path } of everyFile(countedTree(entries), removedEvery)) {
    throwIfAborted(signal);
    if (kind === "file") Deno.removeSync(`${source}/${path}`);
  }
}

/** Without walking the tree. */
function scaleRoom(entries: number): Room {
  return roomFor({
    files: entries,
    directories: 0,
    links: 0,
    bytes: 0,
    allocated: Math.ceil(entries / tinyEvery) * 4096,
  });
}

function runsFor({ runs }: ScaleOptions, entries: number): number {
  return runs ?? (entries < manyEntries ? runsOfFew : runsOfMany);
}

function warmUps(entries: number): number {
  return entries < manyEntries ? 1 : 0;
}

function destinationOf(place: Place): string {
  return `${place.root}/copy`;
}
