/**
 * Keeps what the predictor learnt in `perf_predictor.json`.
 *
 * Read at every start, so small and read in one go. The file is replaced as a whole; of two runs that end at once one may
 * put back what the other had already learnt, with its mark, so the next one learns it again. What cannot be understood
 * is forgotten.
 */

import { readSmallText } from "../native/paths.ts";
import type { CostModel } from "./planning_cost.ts";
import { clampCost } from "./planning_cost.ts";
import { emptyPredictor, type PairModel, type PredictorState, predictorVersion, type Settled } from "./predictor.ts";
import { removeIfThere, replaceFile } from "./private_files.ts";

const fileName = "perf_predictor.json";

/** What is kept in the configuration folder `dir`; nothing learnt where that is missing, foreign or damaged. */
export function loadPredictor(dir: string): PredictorState {
  try {
    const text = readSmallText(`${dir}/${fileName}`);
    return text === undefined ? emptyPredictor : parsePredictor(text);
  } catch {
    return emptyPredictor;
  }
}

/** Throws what the file system says. */
export function savePredictor(dir: string, state: PredictorState): void {
  replaceFile(dir, fileName, JSON.stringify({ ...state, pairs: [...state.pairs] }));
}

/** Throws what the file system says. */
export function forgetPredictor(dir: string): void {
  removeIfThere(`${dir}/${fileName}`);
}

function parsePredictor(text: string): PredictorState {
  const { version, learntUntil, pairs } = JSON.parse(text);
  if (version !== predictorVersion || !Array.isArray(pairs)) return emptyPredictor;
  const sound = pairs.filter((pair): pair is [string, PairModel] =>
    Array.isArray(pair) && typeof pair[0] === "string" && isPairModel(pair[1])
  );
  return {
    version: predictorVersion,
    learntUntil: typeof learntUntil === "string" ? learntUntil : "",
    pairs: new Map(sound.map(([key, model]) => [key, { ...model, cost: { ...model.cost, ...clampCost(model.cost) } }])),
  };
}

function isPairModel(value: unknown): boolean {
  const model = value as PairModel | null;
  return typeof model === "object" && model !== null &&
    [model.source, model.destination, model.route].every((text) => typeof text === "string") &&
    hasNumbers<CostModel>(model.cost, ["perFile", "perMib", "fixed", "runs", "lastSurprise"]) &&
    Array.isArray(model.errors) && model.errors.every(Number.isFinite) &&
    hasNumbers<Settled>(model.settled, ["runs", "workers", "lanes", "shardBytes"]);
}

function hasNumbers<T extends object>(value: T | null | undefined, names: readonly (keyof T)[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => Number.isFinite(value[name]));
}
