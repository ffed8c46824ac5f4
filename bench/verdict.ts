/** What a row's samples say: who is faster, by how much, and which targets are met. Pure. */

import { type ContenderResult, finishers, type RowResult, walls } from "./result.ts";
import { judge, median, type Ratio, ratioOf, summarize } from "./statistics.ts";
import { type Target, targets } from "./targets.ts";
import { showInterval } from "./units.ts";

export interface Comparison {
  readonly contender: ContenderResult;
  /** Its time over the reference's. */
  readonly ratio: Ratio;
  readonly judgement: "slower" | "faster" | "undecided";
}

export interface TargetVerdict {
  /** For example "3.0 times as fast as rsync -a". */
  readonly wanted: string;
  readonly reached: string;
  readonly state: "met" | "missed" | "undecided";
}

/** Whom the others are compared with: blit, without it the first floor, else the first that finished. */
export function referenceOf(row: RowResult): ContenderResult | undefined {
  const all = finishers(row);
  return all.find((one) => one.role === "blit") ?? all.find((one) => one.role === "floor") ?? all[0];
}

export function compareWith(reference: ContenderResult, contender: ContenderResult): Comparison {
  const ratio = ratioOf(walls(contender), walls(reference));
  const side = judge(ratio, contender.samples.length);
  return { contender, ratio, judgement: side === "above" ? "slower" : side === "below" ? "faster" : "undecided" };
}

/** The targets for this row whose contenders took part. A smaller scale is another task: only starting up stays the same. */
export function targetVerdicts(row: RowResult, scale: number): TargetVerdict[] {
  const blit = finishers(row).find((one) => one.role === "blit");
  if (!blit) return [];
  return targets.filter((target) => target.workload === row.workload && (target.places?.includes(row.place) ?? true))
    .filter((target) => scale === 1 || target.kind === "over-baseline")
    .flatMap((target) => verdictOn(target, row, blit) ?? []);
}

function verdictOn(target: Target, row: RowResult, blit: ContenderResult): TargetVerdict | undefined {
  if (target.kind === "under") {
    const { median: middle, min, max, runs } = summarize(walls(blit));
    const state = runs < 2 ? "undecided" : max < target.limitMs ? "met" : min > target.limitMs ? "missed" : "undecided";
    return { wanted: `under ${target.limitMs} ms`, reached: `${middle.toFixed(1)} ms`, state };
  }
  const other = finishers(row).find((one) => one.id === target.than);
  if (!other) return undefined;
  const runs = blit.samples.length;
  switch (target.kind) {
    case "faster": {
      const ratio = ratioOf(walls(other), walls(blit));
      const state = stateOf(judge(ratio, runs, target.factor), "above");
      return {
        wanted: `${target.factor.toFixed(2)} times as fast as ${other.label}`,
        reached: showInterval(ratio),
        state,
      };
    }
    case "floor": {
      const ratio = ratioOf(walls(blit), walls(other));
      const state = stateOf(judge(ratio, runs, target.margin), "below");
      return { wanted: `within ${target.margin.toFixed(2)} of the floor`, reached: showInterval(ratio), state };
    }
    case "over-baseline": {
      const extra = walls(blit).map((wall, round) => wall - walls(other)[round]);
      const reached = median(walls(blit)) - median(walls(other));
      // The interval of the ratio of blit to the limit's time decides, round by round.
      const ratio = ratioOf(extra, extra.map(() => target.limitMs));
      const state = stateOf(judge(ratio, runs), "below");
      return {
        wanted: `at most ${target.limitMs} ms over the ${other.label}`,
        reached: `${reached.toFixed(1)} ms`,
        state,
      };
    }
  }
}

function stateOf(judgement: ReturnType<typeof judge>, wanted: "above" | "below"): TargetVerdict["state"] {
  return judgement === "undecided" ? "undecided" : judgement === wanted ? "met" : "missed";
}
