/** `blit diagnostics perf` and `blit profile`: what was recorded and what was learnt, as lines for people and as JSON. Pure. */

import { median } from "../base/median.ts";
import { formatBytes, formatCount, formatCountOf, formatDuration, formatRate } from "../base/units.ts";
import type { FileSystemProfile, HistoryState, LearntProfile, RunRecord } from "../model/run_record.ts";
import { alignColumns, sparkline } from "./columns.ts";

export interface PerfView {
  readonly state: HistoryState;
  /** Oldest first. */
  readonly records: readonly RunRecord[];
  readonly unreadable: number;
}

/** As many as fit on a screen. */
const RUNS_SHOWN = 20;

/** Without line ends. */
export function perfLines({ state, records, unreadable }: PerfView): string[] {
  const skipped = unreadable > 0 ? `, ${formatCountOf(unreadable, "unreadable line")} skipped` : "";
  const first = `Performance history: ${state}, ${formatCountOf(records.length, "run")}${skipped}`;
  if (records.length === 0) return [first];
  const recent = records.slice(-RUNS_SHOWN);
  return [first, "", ...alignColumns([headings, ...recent.map(rowOf)], [0, 1, 2]), "", ...trends(recent)];
}

/** For JSON.stringify. */
export function perfJson({ state, records, unreadable }: PerfView): Record<string, unknown> {
  return { history: state, runs: records, unreadable_lines: unreadable };
}

const headings = [
  "When (UTC)",
  "Route",
  "File systems",
  "Files",
  "Size",
  "Time",
  "Rate",
  "Planning",
  "Predicted",
  "Error",
];

function rowOf(record: RunRecord): string[] {
  const error = errorOf(record);
  return [
    record.time.slice(0, 16).replace("T", " "),
    record.status === "ok" ? record.route : `${record.route} (${record.status})`,
    `${placeName(record.source)} > ${placeName(record.destination)}`,
    formatCount(record.workload.files),
    formatBytes(record.workload.bytes),
    formatDuration(record.total_ms),
    formatRate(rateOf(record)),
    formatDuration(record.planning_ms),
    formatDuration(record.predicted_planning_ms),
    error === undefined ? "-" : percent(error),
  ];
}

function placeName({ kind, device }: FileSystemProfile): string {
  return device === undefined ? kind : `${kind} on ${device}`;
}

function trends(records: readonly RunRecord[]): string[] {
  const rates = records.map(rateOf);
  const errors = records.map(errorOf).filter((error) => error !== undefined);
  const rows = [[
    "Rate",
    sparkline(rates),
    `median ${formatRate(median(rates))}, best ${formatRate(Math.max(...rates))}`,
  ]];
  if (errors.length > 0) rows.push(["Prediction error", sparkline(errors), `median ${percent(median(errors))}`]);
  const stalls = records.reduce((sum, record) => sum + record.stalls, 0);
  if (stalls > 0) {
    rows.push([
      "Stalls",
      sparkline(records.map((record) => record.stalls)),
      `${formatCount(stalls)} in all`,
    ]);
  }
  return alignColumns(rows, [0, 1, 2]);
}

/** Bytes per second that were copied, over the whole run. */
function rateOf({ bytes_by_method, total_ms }: RunRecord): number {
  const bytes = Object.values(bytes_by_method).reduce((sum, part) => sum + part, 0);
  return total_ms > 0 ? bytes * 1000 / total_ms : 0;
}

/** Below a millisecond of planning there is nothing to be wrong about. */
function errorOf({ planning_ms, predicted_planning_ms }: RunRecord): number | undefined {
  return planning_ms < 1 ? undefined : Math.abs(predicted_planning_ms - planning_ms) / planning_ms;
}

/** Without line ends. */
export function profileLines(profiles: readonly LearntProfile[]): string[] {
  if (profiles.length === 0) return ["Nothing was learnt yet: every run starts from the defaults"];
  return profiles.flatMap((profile, i) => [...(i > 0 ? [""] : []), ...linesOf(profile)]);
}

/** For JSON.stringify. */
export function profileJson(profiles: readonly LearntProfile[]): Record<string, unknown> {
  return { profiles };
}

/** A job that people can picture. */
const EXAMPLE_FILES = 100_000;
const EXAMPLE_MIB = 1024;

function linesOf(profile: LearntProfile): string[] {
  const { ms_per_file: perFile, ms_per_mib: perMib, fixed_ms: fixed, median_error: error } = profile;
  const example = perFile * EXAMPLE_FILES + perMib * EXAMPLE_MIB + fixed;
  const errorText = error === undefined ? "" : `, off by ${percent(error)} in the median`;
  return [
    `${profile.source} > ${profile.destination}, ${profile.route}: ${formatCountOf(profile.runs, "run")}`,
    `  Planning  ${short(perFile)} ms a file, ${short(perMib)} ms a MiB, ${short(fixed)} ms for any run${errorText}`,
    `            ${formatCount(EXAMPLE_FILES)} files of 1 GiB in all: about ${formatDuration(example)}`,
    `  Starts    ${startOf(profile)}`,
    `  Tiny      up to ${formatCount(profile.tiny_files)} files and ${formatBytes(profile.tiny_bytes)}`,
  ];
}

function startOf({ workers, lanes, shard_bytes }: LearntProfile): string {
  const parts = [];
  if (workers !== undefined) parts.push(formatCountOf(workers, "worker"));
  if (lanes !== undefined) parts.push(formatCountOf(lanes, "lane"));
  if (shard_bytes !== undefined) parts.push(`shards of ${formatBytes(shard_bytes)}`);
  return parts.length > 0 ? `with ${parts.join(", ")}` : "as the machine suggests";
}

function short(ms: number): string {
  return Number(ms.toPrecision(2)).toString();
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
