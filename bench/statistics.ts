/** Medians, spreads, and ratios with bootstrap intervals. Pure; every result is the same for the same samples. */

import { seededRandom } from "./random.ts";

const resamples = 2000;
const confidence = 0.95;
/** With fewer runs an interval means nothing. */
export const leastRuns = 5;

export interface Summary {
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max - min) / median. */
  readonly spread: number;
}

export interface Ratio {
  /** Median of the first over median of the second. */
  readonly value: number;
  /** 95 % bootstrap interval. */
  readonly low: number;
  readonly high: number;
}

/** Raises RangeError for an empty list. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("No values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function summarize(values: readonly number[]): Summary {
  const middle = median(values);
  const min = Math.min(...values);
  const max = Math.max(...values);
  return { runs: values.length, median: middle, min, max, spread: (max - min) / middle };
}

/**
 * How many times `a` is of `b`. Both hold one value per round, taken in the same minutes, so whole rounds are resampled:
 * a slow minute of the machine then weighs on both sides. Raises RangeError when the lengths differ.
 */
export function ratioOf(a: readonly number[], b: readonly number[]): Ratio {
  if (a.length !== b.length) throw new RangeError(`Not from the same rounds: ${a.length} and ${b.length} values`);
  const random = seededRandom(a.length);
  return bootstrapped(median(a) / median(b), () => {
    const rounds = a.map(() => Math.floor(random() * a.length));
    return median(rounds.map((round) => a[round])) / median(rounds.map((round) => b[round]));
  });
}

/** As `ratioOf`, of values that were not taken together: each side is resampled for itself. */
export function ratioOfUnpaired(a: readonly number[], b: readonly number[]): Ratio {
  const random = seededRandom(a.length + b.length);
  const resampled = (values: readonly number[]) =>
    median(values.map(() => values[Math.floor(random() * values.length)]));
  return bootstrapped(median(a) / median(b), () => resampled(a) / resampled(b));
}

function bootstrapped(value: number, draw: () => number): Ratio {
  const ratios = Array.from({ length: resamples }, draw).sort((x, y) => x - y);
  const tail = (1 - confidence) / 2;
  return {
    value,
    low: ratios[Math.floor(tail * resamples)],
    high: ratios[Math.ceil((1 - tail) * resamples) - 1],
  };
}

/** Whether the ratio lies above or below `bound`, as far as the samples can tell. */
export function judge(ratio: Ratio, runs: number, bound = 1): "above" | "below" | "undecided" {
  if (runs < leastRuns) return "undecided";
  if (ratio.low > bound) return "above";
  if (ratio.high < bound) return "below";
  return "undecided";
}
