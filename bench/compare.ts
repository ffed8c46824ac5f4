/** `bench compare`: what got slower from one file of results to another. Pure, but for the colour. */

import { finishers, type Results, type RowResult, walls } from "./result.ts";
import { judge, median, type Ratio, ratioOfUnpaired } from "./statistics.ts";
import { showInterval, showTime } from "./units.ts";

/** More than this is a regression: whoever has fast disks feels it. */
export const regressionLimit = 1.05;

export interface Change {
  readonly workload: string;
  readonly place: string;
  readonly oldMs: number;
  readonly newMs: number;
  /** New time over old. */
  readonly ratio: Ratio;
  /** The same of everybody else in the row: how much slower the machine was. 1 where there is nobody. */
  readonly others: number;
  readonly judgement: "slower" | "faster" | "undecided";
  readonly regression: boolean;
}

/** Rows that both have, at the same scale, with blit in them. */
export function changesBetween(before: Results, after: Results): Change[] {
  if (before.scale !== after.scale) return [];
  return after.rows.flatMap((row) => {
    const old = before.rows.find(({ workload, place }) => workload === row.workload && place === row.place);
    const change = old && changeOf(old, row);
    return change ? [change] : [];
  });
}

function changeOf(before: RowResult, after: RowResult): Change | undefined {
  const [old, now] = [before, after].map((row) => finishers(row).find(({ role }) => role === "blit"));
  if (!old || !now) return undefined;
  const [oldTimes, newTimes] = [walls(old), walls(now)];
  const ratio = ratioOfUnpaired(newTimes, oldTimes);
  const others = othersChange(before, after);
  const side = judge(ratio, Math.min(oldTimes.length, newTimes.length));
  return {
    workload: after.workload,
    place: after.place,
    oldMs: median(oldTimes),
    newMs: median(newTimes),
    ratio,
    others,
    judgement: side === "above" ? "slower" : side === "below" ? "faster" : "undecided",
    regression: side === "above" && ratio.value > regressionLimit &&
      ratio.value / Math.max(others, 1) > regressionLimit,
  };
}

function othersChange(before: RowResult, after: RowResult): number {
  const ratios = finishers(after).filter(({ role }) => role !== "blit").flatMap((now) => {
    const old = finishers(before).find(({ id }) => id === now.id);
    return old ? [median(walls(now)) / median(walls(old))] : [];
  });
  return ratios.length === 0 ? 1 : median(ratios);
}

export function renderChanges(changes: readonly Change[], color: boolean): string {
  if (changes.length === 0) return "No row is in both files at the same scale\n";
  const paint = (text: string, code: number) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  const lines = changes.map((change) => {
    const { workload, place, oldMs, newMs, ratio, others, judgement, regression } = change;
    const times = `${showTime(oldMs)} -> ${showTime(newMs)}`;
    const text = `${`${workload} (${place})`.padEnd(28)} ${times.padEnd(22)} ${showInterval(ratio)} ${judgement}` +
      `; the others ${others.toFixed(2)}×${regression ? "  REGRESSION" : ""}`;
    return regression ? paint(text, 31) : judgement === "faster" ? paint(text, 32) : text;
  });
  const bad = changes.filter(({ regression }) => regression).length;
  const verdict = bad === 0
    ? "No row is more than 5 % slower than before, beyond what the others are."
    : `${bad} of ${changes.length} rows are more than 5 % slower than before.`;
  return `${lines.join("\n")}\n\n${verdict}\n`;
}
