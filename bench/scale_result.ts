/** What `bench scale` found out: its JSON file and its table. Times in milliseconds, memory in KiB as named. */

import type { Tool } from "./contender.ts";
import type { Machine } from "./machine.ts";
import type { Sample } from "./measure.ts";
import { median } from "./statistics.ts";
import { align } from "./table.ts";
import { showBytes, showCount, showMicros, showTime } from "./units.ts";

/** Not a number: such a file is not one of rows. */
export const scaleSchema = "scale-1";

export const scaleTasks = ["copy", "no change", "1 % deleted"] as const;
export type ScaleTask = typeof scaleTasks[number];

export const scaleWays = ["local", "push"] as const;
export type ScaleWay = typeof scaleWays[number];

export interface ScaleRow {
  /** Files and directories of the source, its root not counted. */
  readonly entries: number;
  readonly task: ScaleTask;
  readonly way: ScaleWay;
  /** One per round; incomplete when `failure` is set. */
  readonly samples: Sample[];
  /** Peak memory of the daemon in each of these rounds; empty for `local`. */
  readonly daemon_peak_kib: number[];
  /** Why it dropped out: it failed, or the destination was not what it should be. */
  failure?: string;
}

export interface ScaleResults {
  readonly schema: typeof scaleSchema;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly command: string;
  readonly machine: Machine;
  readonly tools: readonly Tool[];
  readonly rows: ScaleRow[];
  readonly skipped_counts: { readonly entries: number; readonly reason: string }[];
  /** False while counts are still to come, and for ever if the run was interrupted. */
  complete: boolean;
}

const heading = ["entries", "task", "way", "median", "per entry", "per further entry", "memory", "daemon"];

/** Rows of one task and way stand below each other: per entry, they should not grow. */
export function renderScale(rows: readonly ScaleRow[]): string {
  const table: string[][] = [heading];
  const failures: string[] = [];
  for (const task of scaleTasks) {
    for (const way of scaleWays) {
      let before: ScaleRow | undefined;
      for (const row of rows.filter((row) => row.task === task && row.way === way)) {
        if (row.failure !== undefined) {
          failures.push(`${showCount(row.entries)} entries, ${task}, ${way}: ${row.failure}`);
        } else if (row.samples.length > 0) {
          table.push(cells(row, before));
          before = row;
        }
      }
    }
  }
  return [...align(table), ...failures].join("\n") + "\n";
}

/** `before`: the next smaller count, if there is one. What each entry beyond it took holds nothing of starting up. */
function cells(row: ScaleRow, before: ScaleRow | undefined): string[] {
  const { entries, task, way, samples, daemon_peak_kib } = row;
  const time = wall(row);
  return [
    showCount(entries),
    task,
    way,
    showTime(time),
    showMicros(time / entries),
    before && before.entries < entries ? showMicros((time - wall(before)) / (entries - before.entries)) : "",
    showBytes(median(samples.map(({ peak_kib }) => peak_kib)) * 1024),
    daemon_peak_kib.length > 0 ? showBytes(median(daemon_peak_kib) * 1024) : "",
  ];
}

function wall({ samples }: ScaleRow): number {
  return median(samples.map(({ wall_ms }) => wall_ms));
}
