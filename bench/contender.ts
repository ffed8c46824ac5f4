/** What takes part in a row: blit, another tool, a floor in C, or the empty program. Types only. */

import type { FileSystem } from "./places.ts";
import type { Workload } from "./workloads.ts";

export type Role = "blit" | "peer" | "floor" | "baseline";

/** What a copy must agree in with its source, beyond names and contents. Without times those of directories do not count either. */
export interface Keeps {
  readonly times: "nanoseconds" | "seconds" | "none";
  readonly modes: boolean;
  readonly directoryTimes: boolean;
}

export const keepsAll: Keeps = { times: "nanoseconds", modes: true, directoryTimes: true };

export interface Contender {
  readonly id: string;
  readonly label: string;
  readonly role: Role;
  /** What it did and did not do, in a few words, for whoever compares. */
  readonly note: string;
  /** What its result is checked for; undefined when it copies nothing. */
  readonly keeps?: Keeps;
  /** Set in its environment, beside what the bench has in its own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Neither path ends in a slash. For the task `copy` the destination does not exist. */
  command(source: string, destination: string): readonly string[];
}

/** A tool or program looked for on this machine. */
export type Tool =
  | { readonly id: string; readonly version: string }
  | { readonly id: string; readonly absent: string };

/** The row that contenders are chosen for. */
export interface Row {
  readonly workload: Workload;
  readonly fileSystem: FileSystem;
}
