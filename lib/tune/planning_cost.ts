/**
 * How long planning takes: perFile * files + perMib * MiB + fixed, and how one run corrects those three.
 *
 * Pure. A correction moves the logarithm of the prediction a part of the way to what was measured, and shares that out by
 * how much each term contributed; so a run of many small files teaches `perFile`, a run of one file `fixed`, and no
 * coefficient changes its sign. A single surprise is only half believed: it has to come twice.
 */

/** Milliseconds per file, per MiB, and for any run at all. */
export interface PlanningCost {
  readonly perFile: number;
  readonly perMib: number;
  readonly fixed: number;
}

export interface CostModel extends PlanningCost {
  /** Runs that taught it. */
  readonly runs: number;
  /** Logarithm of measured / predicted of the last run, in full, as far as it was believed or not. */
  readonly lastSurprise: number;
}

const MIB = 2 ** 20;

const limits: Readonly<Record<keyof PlanningCost, readonly [min: number, max: number]>> = {
  perFile: [1e-5, 50],
  perMib: [1e-6, 50],
  fixed: [0.05, 10_000],
};

/** Below a millisecond nothing is decided, so a difference there is no error. */
const FLOOR_MS = 1;

const WEAK_STEP = 0.3;
const STRONG_STEP = 0.6;
/** An error of more than 25 %: the model is off, not just the day. */
const STRONG_FROM = Math.log(1.25);
/** A factor that one run alone may not teach. */
const SURPRISING_FROM = Math.log(3);
const SURPRISE_LIMIT = Math.log(1.25);
/** What even a confirmed surprise is cut to. */
const STEP_LIMIT = Math.log(30);

export function predictMs(cost: PlanningCost, files: number, bytes: number): number {
  return cost.perFile * files + cost.perMib * bytes / MIB + cost.fixed;
}

/** 0.1 is 10 %, whatever the direction; `measuredMs` against `predictedMs`. */
export function predictionError(predictedMs: number, measuredMs: number): number {
  return Math.abs(predictedMs - measuredMs) / Math.max(measuredMs, FLOOR_MS);
}

/** The model after a run that planned `files` and `bytes` in `measuredMs`. Returns it as it is where the figures are no figures. */
export function learnCost(model: CostModel, files: number, bytes: number, measuredMs: number): CostModel {
  if (![files, bytes, measuredMs].every((n) => Number.isFinite(n) && n >= 0)) return model;
  const terms = { perFile: model.perFile * files, perMib: model.perMib * bytes / MIB, fixed: model.fixed };
  const predicted = terms.perFile + terms.perMib + terms.fixed;
  const surprise = Math.log((measuredMs + FLOOR_MS) / (predicted + FLOOR_MS));
  const believed = believe(surprise, model);
  const step = Math.abs(surprise) > STRONG_FROM ? STRONG_STEP : WEAK_STEP;

  const shares = {
    perFile: terms.perFile / predicted,
    perMib: terms.perMib / predicted,
    fixed: terms.fixed / predicted,
  };
  const norm = shares.perFile ** 2 + shares.perMib ** 2 + shares.fixed ** 2;
  const corrected = (name: keyof PlanningCost) =>
    clamp(model[name] * Math.exp(step * believed * shares[name] / norm), limits[name]);
  return {
    perFile: corrected("perFile"),
    perMib: corrected("perMib"),
    fixed: corrected("fixed"),
    runs: model.runs + 1,
    lastSurprise: surprise,
  };
}

/** The part of a surprise that counts. The first run of all is often a cold one, and any run may meet a busy machine. */
function believe(surprise: number, model: CostModel): number {
  const large = Math.abs(surprise) > SURPRISING_FROM;
  const confirmed = model.runs > 0 && Math.sign(model.lastSurprise) === Math.sign(surprise) &&
    Math.abs(model.lastSurprise) > STRONG_FROM;
  const limit = large && !confirmed ? SURPRISE_LIMIT : STEP_LIMIT;
  return Math.min(Math.max(surprise, -limit), limit);
}

/** Brings coefficients from outside into their sane ranges. */
export function clampCost(cost: PlanningCost): PlanningCost {
  return {
    perFile: clamp(cost.perFile, limits.perFile),
    perMib: clamp(cost.perMib, limits.perMib),
    fixed: clamp(cost.fixed, limits.fixed),
  };
}

function clamp(value: number, [min, max]: readonly [number, number]): number {
  return Math.min(Math.max(value, min), max);
}
