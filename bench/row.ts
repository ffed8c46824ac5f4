/**
 * One row of the bench: a workload in a place, all contenders taking turns (A B C B C A ...).
 *
 * Per round and contender: 1. the destination is made what it should be before, 2. what is dirty is written out, the
 * machine given time to calm down and the memory that the copy will take touched, 3. the timed run, 4. the result is
 * compared with the source to the last byte, 5. it is removed. Only 3 is timed. The first round warms caches, counts
 * system calls and is thrown away. Who fails or copies wrongly drops out,
 * and the row says so.
 */

import type { Contender, Keeps } from "./contender.ts";
import { BenchError } from "./failure.ts";
import { makeTree, removeTree } from "./generate.ts";
import { waitForIdle } from "./idle.ts";
import type { Facts } from "./manifest.ts";
import { callsIn, countingCalls, measure } from "./measure.ts";
import { program } from "./native.ts";
import type { Place } from "./places.ts";
import { run } from "./process.ts";
import type { ContenderResult, RowResult } from "./result.ts";
import type { Workload } from "./workloads.ts";

export interface RowPlan {
  readonly workload: Workload;
  readonly place: Place;
  readonly facts: Facts;
  readonly contenders: readonly Contender[];
  readonly scale: number;
  /** Timed rounds. */
  readonly runs: number;
  /** Longest wait for an idle machine before a run. */
  readonly patienceMs: number;
  /** Drop the system's caches before each run. */
  readonly cold?: boolean;
  /** Count system calls in the round that is not timed. */
  readonly countsCalls?: boolean;
  readonly signal?: AbortSignal;
  /** Told before every round; round 0 is the warm-up. */
  readonly onRound?: (round: number) => void;
}

interface Comparison {
  readonly differences: number;
  readonly first: string;
  readonly source_bytes: number;
  readonly destination_bytes: number;
}

/** The source and what stands at the destination are made here and left to the place to remove. */
export async function runRow(plan: RowPlan): Promise<RowResult> {
  const { workload, place, scale, signal } = plan;
  const results = plan.contenders.map(({ id, label, role, note }): ContenderResult => ({
    id,
    label,
    role,
    note,
    samples: [],
  }));
  await makeTree(sourceOf(place), workload.source(scale), signal);
  if (workload.destination) await makeTree(existingOf(place), workload.destination(scale), signal);
  for (let round = 0; round <= plan.runs; round++) {
    plan.onRound?.(round);
    await waitForIdle(plan.patienceMs, signal);
    for (let turn = 0; turn < plan.contenders.length; turn++) {
      // Another one begins each round: who comes first after the pause must not always be the same.
      const index = (round + turn) % plan.contenders.length;
      if (results[index].failure === undefined) await takeTurn(plan, plan.contenders[index], results[index], round);
    }
  }
  const { id: placeId, description } = place;
  return {
    workload: workload.id,
    title: workload.title,
    task: workload.task,
    place: placeId,
    place_description: description,
    facts: plan.facts,
    load_average: Deno.loadavg(),
    contenders: results,
  };
}

async function takeTurn(plan: RowPlan, contender: Contender, result: ContenderResult, round: number): Promise<void> {
  const { workload, place, scale, signal } = plan;
  const source = sourceOf(place);
  const destination = workload.destination ? existingOf(place) : `${place.root}/copy-${round}-${contender.id}`;
  if (workload.restore) await makeTree(destination, workload.restore(scale), signal);
  if (place.fileSystem !== "tmpfs") await run(["sync", "-f", place.root], signal);
  // Rows of many short runs leave nothing behind that would take a while; once per round is enough for them.
  if (workload.runFactor <= 2) await waitForIdle(plan.patienceMs, signal);
  if (plan.cold) await dropCaches(signal);
  else if (workload.runFactor <= 2) await warmMemory(plan, signal);
  const command = contender.command(source, destination);
  const calls = `${place.root}/calls`;
  const counting = round === 0 && plan.countsCalls ? await countingCalls(command, calls) : undefined;
  const outcome = await measure(counting ?? command, `${place.root}/errors`, signal, contender.environment);
  if ("failure" in outcome) result.failure = outcome.failure;
  else {
    if (round > 0) result.samples.push(outcome.sample);
    else if (counting) result.calls = await callsIn(calls);
    if (contender.keeps) await check(source, destination, contender.keeps, result, signal);
  }
  if (!workload.destination) await removeTree(destination, signal);
  else if (result.failure !== undefined) await rebuild(plan, destination);
}

/**
 * On a virtual machine memory that was given back costs a visit to the host when it is touched again, whoever does it. What is written
 * to an image takes memory twice: in the page cache and in the image.
 */
async function warmMemory({ facts: { allocated, files }, place }: RowPlan, signal?: AbortSignal): Promise<void> {
  const times = place.fileSystem === "tmpfs" ? 1.5 : 3;
  await run([await program("warm"), String(Math.round(times * allocated + files * 2048))], signal);
}

async function dropCaches(signal?: AbortSignal): Promise<void> {
  await run(["sync"], signal);
  await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3\n");
}

async function check(
  source: string,
  destination: string,
  keeps: Keeps,
  result: ContenderResult,
  signal?: AbortSignal,
): Promise<void> {
  if (!await Deno.stat(destination).catch(() => undefined)) {
    result.failure = "wrong result: the destination does not exist";
    return;
  }
  const comparison = await compareTrees(source, destination, keeps, signal);
  result.occupied = { source: comparison.source_bytes, destination: comparison.destination_bytes };
  if (comparison.differences > 0) {
    result.failure = `wrong result: ${comparison.differences} differences, the first is ${comparison.first}`;
  }
}

export async function compareTrees(
  source: string,
  destination: string,
  keeps: Keeps,
  signal?: AbortSignal,
): Promise<Comparison> {
  const options = [
    ...(keeps.modes ? [] : ["--no-mode"]),
    ...(keeps.directoryTimes ? [] : ["--no-dir-times"]),
    ...{ nanoseconds: [], seconds: ["--seconds"], none: ["--no-times"] }[keeps.times],
  ];
  const text = await run([await program("compare"), ...options, source, destination], signal);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BenchError(`Cannot understand the comparison "${text}"`, { cause });
  }
}

/** After a failure nobody knows what the existing destination holds. */
async function rebuild({ workload, scale, signal }: RowPlan, destination: string): Promise<void> {
  if (!workload.destination) return;
  await removeTree(destination, signal);
  await makeTree(destination, workload.destination(scale), signal);
}

export function sourceOf(place: Place): string {
  return `${place.sourceRoot ?? place.root}/source`;
}

function existingOf(place: Place): string {
  return `${place.root}/existing`;
}
