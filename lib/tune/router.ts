/**
 * Which path a job takes, why, and how long planning will take. Pure and deterministic.
 *
 * - tiny: few files and few bytes, copied at once, without planner;
 * - huge: a file so large that its ranges go to the workers while the rest is still planned;
 * - streaming: everything else, and always where deletions or checksums need the full plan.
 */

import { formatBytes, formatCount, formatCountOf } from "../base/units.ts";
import type { Route } from "../model/run_record.ts";
import type { FirstLook } from "../native/paths.ts";
import { type CostModel, predictMs } from "./planning_cost.ts";
import { modelFor, type PredictorState, predictPlanning, type Situation } from "./predictor.ts";

export interface TinyLimits {
  readonly files: number;
  readonly bytes: number;
  /** How many times the defaults, because history shows that it pays. */
  readonly raised: number;
}

export interface RouteDecision {
  readonly route: Route;
  /** For people; no file names. */
  readonly reason: string;
  readonly predictedPlanningMs: number;
}

const TINY_FILES = 8;
const TINY_BYTES = 100_000_000;
const HUGE_BYTES = 2 ** 30;

/** At 64 files the planner's parallel work outweighs its start on every machine measured. */
const RAISED_MAX = 8;
/** Fewer runs of either route prove nothing. */
const RAISE_FROM_RUNS = 5;

/** How far the tiny route reaches between these file systems, which is also where the first look may stop. */
export function tinyLimits(state: PredictorState, situation: Omit<Situation, "route">): TinyLimits {
  return raisedLimits(worthRaising(state, situation));
}

export function raisedLimits(raised: number): TinyLimits {
  return { files: TINY_FILES * raised, bytes: TINY_BYTES * raised, raised };
}

function worthRaising(state: PredictorState, situation: Omit<Situation, "route">): number {
  const model = (route: Route) => modelFor(state, { ...situation, route }).cost;
  return raiseFactor(model("tiny"), model("streaming"));
}

/** 1, 2, 4 or 8: how many times longer than on the tiny route planning of a tiny job takes on the streaming one. */
export function raiseFactor(tiny: CostModel, streaming: CostModel): number {
  if (Math.min(tiny.runs, streaming.runs) < RAISE_FROM_RUNS) return 1;
  const times = predictMs(streaming, TINY_FILES, TINY_BYTES) / predictMs(tiny, TINY_FILES, TINY_BYTES);
  return Math.min(2 ** Math.max(0, Math.floor(Math.log2(times))), RAISED_MAX);
}

/** `look`: what was seen of the source within `limits`. */
export function chooseRoute(
  state: PredictorState,
  situation: Omit<Situation, "route">,
  look: FirstLook,
  limits: TinyLimits = tinyLimits(state, situation),
): RouteDecision {
  const [route, reason] = decide(situation, look, limits);
  return {
    route,
    reason,
    predictedPlanningMs: predictPlanning(state, { ...situation, route }, look.files, look.bytes),
  };
}

function decide({ flags }: Omit<Situation, "route">, look: FirstLook, limits: TinyLimits): [Route, string] {
  if (flags.includes("delete")) return ["streaming", "deletions need the full plan"];
  if (flags.includes("checksum")) return ["streaming", "checksums need the full plan"];
  const seen = `${formatCountOf(look.files, "file")}, ${formatBytes(look.bytes)}`;
  const limit = `${formatCount(limits.files)} files and ${formatBytes(limits.bytes)}` +
    (limits.raised > 1 ? `, ${limits.raised} times the default: planning cost more in earlier runs` : "");
  if (look.complete && look.files <= limits.files && look.bytes <= limits.bytes) {
    return ["tiny", `${seen}: within ${limit}`];
  }
  if (look.largestBytes >= HUGE_BYTES) return ["huge", `a file of ${formatBytes(look.largestBytes)}`];
  return [
    "streaming",
    look.complete ? `${seen}: beyond ${limit}` : `a tree, or more than ${formatCountOf(limits.files, "file")}`,
  ];
}
