/** A row's results as text for the terminal. Pure; colour only when asked. */

import { type ContenderResult, finishers, type RowResult, walls } from "./result.ts";
import { leastRuns, median, summarize } from "./statistics.ts";
import { showBytes, showCount, showInterval, showTime } from "./units.ts";
import { compareWith, type Comparison, referenceOf, targetVerdicts } from "./verdict.ts";

/** Above this share of all cores, other work may have decided the row. */
const noteworthyOtherShare = 0.1;

type Paint = (text: string, color: "red" | "green" | "yellow" | "dim") => string;

const codes = { red: 31, green: 32, yellow: 33, dim: 2 };

export function renderRow(row: RowResult, { cores, scale }: { cores: number; scale: number }, color = false): string {
  const paint: Paint = (text, name) => color ? `\x1b[${codes[name]}m${text}\x1b[0m` : text;
  const reference = referenceOf(row);
  const heading = [
    "",
    "median",
    "min",
    "max",
    "spread",
    "user",
    "sys",
    "memory",
    "calls",
    reference ? `vs ${reference.label}` : "",
  ];
  const table: string[][] = [heading];
  for (const contender of finishers(row)) {
    const { median: middle, min, max, spread } = summarize(walls(contender));
    const middleOf = (pick: (sample: typeof contender.samples[number]) => number) =>
      median(contender.samples.map(pick));
    table.push([
      contender.label,
      showTime(middle),
      showTime(min),
      showTime(max),
      `${(spread * 100).toFixed(0)} %`,
      showTime(middleOf((sample) => sample.user_ms)),
      showTime(middleOf((sample) => sample.sys_ms)),
      showBytes(middleOf((sample) => sample.peak_kib) * 1024),
      callsText(contender, row),
      contender === reference || !reference ? "" : showComparison(compareWith(reference, contender)),
    ]);
  }
  const lines = [describe(row), ...align(table).map((line, index) => index === 0 ? paint(line, "dim") : line)];
  for (const contender of row.contenders) {
    if (contender.failure) lines.push(paint(`${contender.label}: ${contender.failure}`, "red"));
  }
  for (const { wanted, reached, state } of targetVerdicts(row, scale)) {
    const tint = { met: "green", missed: "red", undecided: "yellow" } as const;
    lines.push(paint(`target ${state}: ${wanted}; reached ${reached}`, tint[state]));
  }
  lines.push(...holesNote(row), ...otherWorkNote(row, cores));
  return lines.join("\n") + "\n";
}

/** System calls for each entry of the source. */
function callsText({ calls }: ContenderResult, { facts }: RowResult): string {
  if (calls === undefined) return "";
  const entries = facts.files + facts.directories + facts.links;
  return entries < 100 ? showCount(calls) : `${(calls / entries).toFixed(1)}/entry`;
}

function describe(row: RowResult): string {
  const { files, directories, bytes } = row.facts;
  const counts = files === 1
    ? showBytes(bytes)
    : `${showCount(files)} files, ${showCount(directories)} directories, ${showBytes(bytes)}`;
  return `${row.workload} in ${row.place_description}: ${row.title} (${counts})`;
}

function showComparison({ contender, ratio, judgement }: Comparison): string {
  return `${showInterval(ratio)} ${contender.samples.length < leastRuns ? "too few runs" : judgement}`;
}

/** Columns of equal width; all but the first and the last to the right. */
export function align(table: readonly string[][]): string[] {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  return table.map((line) =>
    line.map((cell, column) =>
      column === 0 || column === line.length - 1 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
    ).join("  ").trimEnd()
  );
}

function holesNote(row: RowResult): string[] {
  return finishers(row).filter(({ occupied }) => occupied && occupied.destination > occupied.source * 1.5 + 2 ** 20)
    .map(({ label, occupied }) =>
      `${label} filled holes: ${showBytes(occupied?.destination ?? 0)} instead of ${showBytes(occupied?.source ?? 0)}`
    );
}

function otherWorkNote(row: RowResult, cores: number): string[] {
  const samples = finishers(row).flatMap((contender) => contender.samples);
  const sum = (pick: (sample: typeof samples[number]) => number) => samples.reduce((all, one) => all + pick(one), 0);
  const share = sum((sample) => sample.other_ms) / sum((sample) => sample.wall_ms) / cores;
  if (!(share >= noteworthyOtherShare)) return [];
  return [`note: other work (the kernel's own included) took ${(share * 100).toFixed(0)} % of the cores meanwhile`];
}
