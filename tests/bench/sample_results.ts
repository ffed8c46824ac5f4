/** Results that nobody measured, for tests of what is made of them. */

import type { Role } from "../../bench/contender.ts";
import type { ContenderResult, Results, RowResult } from "../../bench/result.ts";

export function contender(
  id: string,
  role: Role,
  walls: number[],
  more: Partial<ContenderResult> = {},
): ContenderResult {
  const samples = walls.map((wall_ms) => ({ wall_ms, user_ms: 1, sys_ms: wall_ms / 2, peak_kib: 2048, other_ms: 0 }));
  return { id, label: id, role, note: "", samples, ...more };
}

export function row(contenders: ContenderResult[], more: Partial<RowResult> = {}): RowResult {
  return {
    workload: "small100k",
    title: "many small files",
    task: "copy",
    place: "tmpfs",
    place_description: "tmpfs (4 KiB pages)",
    facts: { files: 1000, directories: 10, links: 0, bytes: 5 * 2 ** 20, allocated: 6 * 2 ** 20 },
    load_average: [0, 0, 0],
    contenders,
    ...more,
  };
}

export const blit = contender("blit", "blit", [700, 710, 690, 705, 695]);
export const floor = contender("floor", "floor", [650, 655, 645, 652, 648]);
export const rsync = contender("rsync", "peer", [2800, 2790, 2810, 2805, 2795]);
export const cp = contender("cp", "peer", [705, 690, 712, 698, 701]);

export function results(rows: RowResult[]): Results {
  return {
    schema: 1,
    started: "2025-01-02T03:04:05.000Z",
    command: "deno task bench local",
    scale: 1,
    runs: 5,
    machine: {
      cpu: "Some CPU",
      cores: 2,
      memory_gib: 24,
      kernel: "linux 6",
      virtual: true,
      load_average: [0, 0, 0],
      deno: "2.9.4",
    },
    tools: [{ id: "blit", version: "blit 0.1.0" }, { id: "tar", absent: "not installed" }],
    absent_places: [],
    rows,
    skipped_rows: [],
    complete: true,
  };
}
