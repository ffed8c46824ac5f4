/** What was learnt, and what the next run makes of it, as `blit profile` shows it. Pure. */

import { median } from "../base/median.ts";
import type { LearntProfile } from "../model/run_record.ts";
import { habitOf, type PairModel, pairModels, type PredictorState } from "./predictor.ts";
import { raisedLimits, raiseFactor } from "./router.ts";

/** One for each pair of disks and route, last taught first. */
export function learntProfiles(state: PredictorState): LearntProfile[] {
  const models = pairModels(state);
  return models.map((model) => profileOf(model, models));
}

function profileOf(model: PairModel, all: readonly PairModel[]): LearntProfile {
  const { source, destination, route, cost, errors } = model;
  const habit = habitOf(model);
  const sibling = (name: string) =>
    all.find((other) => other.source === source && other.destination === destination && other.route === name)?.cost;
  const [tiny, streaming] = [sibling("tiny"), sibling("streaming")];
  const limits = raisedLimits(tiny && streaming ? raiseFactor(tiny, streaming) : 1);
  // The very first error is that of the defaults.
  const own = errors.slice(cost.runs > errors.length ? 0 : 1);
  return {
    source,
    destination,
    route,
    runs: cost.runs,
    ms_per_file: cost.perFile,
    ms_per_mib: cost.perMib,
    fixed_ms: cost.fixed,
    median_error: own.length > 0 ? median(own) : undefined,
    workers: started(habit?.workers),
    lanes: started(habit?.lanes),
    shard_bytes: started(habit?.shardBytes),
    tiny_files: limits.files,
    tiny_bytes: limits.bytes,
  };
}

function started(average = 0): number | undefined {
  return average > 0 ? Math.round(average) : undefined;
}
