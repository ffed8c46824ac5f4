/**
 * `bench tune`: whether what blit learns from its runs is worth it.
 *
 * 1. Predictions after 10 runs of a profile, on generated runs and on recorded ones.
 * 2. The program with a history that has learnt 10 runs against the program without, in turns: no workload may be more than
 *    3 % slower with it.
 */

import { configDir } from "../lib/tune/config_dir.ts";
import { readHistory } from "../lib/tune/history.ts";
import type { TuneOptions } from "./args.ts";
import { type Blit, blitFor, findBlit, recordingIn } from "./blit.ts";
import { BenchError } from "./failure.ts";
import type { Contender } from "./contender.ts";
import { findPlaces, roomFor, type Surroundings } from "./local.ts";
import { factsOf } from "./manifest.ts";
import {
  errorLimit,
  type GeneratedErrors,
  generatedErrors,
  type ProfileErrors,
  replay,
  taughtRuns,
} from "./predictor.ts";
import { type Place, roomMissing, withPlace } from "./places.ts";
import { throwIfAborted } from "./process.ts";
import { finishers, type RowResult, walls } from "./result.ts";
import { runRow } from "./row.ts";
import { judge, ratioOf } from "./statistics.ts";
import { renderRow } from "./table.ts";
import { showInterval } from "./units.ts";
import { type Workload, workloadById } from "./workloads.ts";

/** What history may cost: the ratio of both times. */
const slowerLimit = 1.03;

type Around = Pick<Surroundings, "print" | "status" | "signal">;

/** Raises BenchError when blit or a place that was asked for is absent, Interrupted when the signal fired. */
export async function runTune(options: TuneOptions, around: Around): Promise<void> {
  around.print("Predictions of generated runs, after 10 runs of a profile:\n");
  for (const errors of generatedErrors()) around.print(`  ${generatedLine(errors)}\n`);
  around.print(recordedText(options.history));
  const blit = await findBlit();
  if ("absent" in blit) throw new BenchError(`Cannot compare runs: ${blit.absent}`);
  around.print(
    `\nRuns with a history that has learnt ${taughtRuns} runs, and without; ${blit.version}, ${blit.how}\n\n`,
  );
  const { here, absent } = await findPlaces(options);
  for (const place of absent) around.print(`place ${place.id}: absent (${place.absent})\n`);
  const verdicts: string[] = [];
  for (const place of here) {
    for (const id of options.only) verdicts.push(await compare(options, around, blit, workloadById(id)!, place));
  }
  around.print(`No workload more than 3 % slower with history:\n${verdicts.map((line) => `  ${line}\n`).join("")}`);
}

function generatedLine(errors: GeneratedErrors): string {
  return `${errorLine(errors)}; within the limit on ${errors.within} of ${errors.machines} machines`;
}

function errorLine({ profile, median, runs }: ProfileErrors): string {
  const state = median < errorLimit ? "met" : "missed";
  return `${state}: ${profile}: median error ${(100 * median).toFixed(0)} % of ${runs} runs`;
}

function recordedText(dir = configDir()): string {
  const records = dir === undefined ? [] : readHistory(dir).records;
  const all = replay(records);
  if (all.length === 0) {
    return `Predictions of recorded runs: ${records.length} records, no profile with more than ${taughtRuns} runs\n`;
  }
  return `Predictions of recorded runs, after 10 runs of a profile:\n${
    all.map((one) => `  ${errorLine(one)}\n`).join("")
  }`;
}

/** Returns the verdict. */
async function compare(
  options: TuneOptions,
  around: Around,
  blit: Blit,
  workload: Workload,
  id: string,
): Promise<string> {
  throwIfAborted(around.signal);
  const name = `${workload.id} in ${id}`;
  const facts = factsOf(workload.source(options.scale));
  const room = roomFor(facts);
  const missing = await roomMissing(id, room);
  if (missing !== undefined) return `skipped: ${name}: ${missing}`;
  const config = await Deno.makeTempDir({ prefix: "blit-bench-config-" });
  try {
    return await withPlace(id, room, around.signal, async (place) => {
      const { without, learning } = contenders(blit, workload, place, config);
      const plan = {
        workload,
        place,
        facts,
        scale: options.scale,
        patienceMs: options.patienceMs,
        signal: around.signal,
      };
      around.status(`${name}: learning`);
      // The round that warms up is a run like the others.
      const taught = await runRow({ ...plan, contenders: [learning], runs: taughtRuns - 1 });
      const learnt = readHistory(`${config}/blit`).records.length;
      if (learnt < taughtRuns) {
        throw new BenchError(
          `Cannot compare ${name}: ${learnt} runs were recorded. ${taught.contenders[0].failure ?? ""}`,
        );
      }
      const runs = Math.max(1, Math.round(options.runs * workload.runFactor));
      const onRound = (round: number) => around.status(`${name}: round ${round} of ${runs}`);
      const row = await runRow({ ...plan, contenders: [without, learning], runs, onRound });
      around.status("");
      around.print(renderRow(row, { cores: navigator.hardwareConcurrency, scale: options.scale }) + "\n");
      return verdict(name, row);
    });
  } finally {
    await Deno.remove(config, { recursive: true });
  }
}

function contenders(
  blit: Blit,
  workload: Workload,
  { fileSystem }: Place,
  config: string,
): { without: Contender; learning: Contender } {
  const row = { workload, fileSystem };
  const [without] = blitFor(row, blit, { BLIT_DISABLE_PERF_HISTORY: "1" });
  const [learning] = blitFor(row, blit, recordingIn(config));
  return {
    without: { ...without, id: "without", label: "without history" },
    learning: { ...learning, id: "with", role: "peer", label: "with history" },
  };
}

function verdict(name: string, row: RowResult): string {
  const [without, learning] = finishers(row);
  if (learning === undefined) return `failed: ${name}: ${row.contenders.map(({ failure }) => failure).join(" ")}`;
  const ratio = ratioOf(walls(learning), walls(without));
  const side = judge(ratio, learning.samples.length, slowerLimit);
  const state = side === "below" ? "met" : side === "above" ? "missed" : "undecided";
  return `${state}: ${name}: ${showInterval(ratio)} times as long`;
}
