/** What a bench run found out, as it stands in the JSON file. Times in milliseconds, sizes in bytes or as named. */

import type { Role, Tool } from "./contender.ts";
import { BenchError } from "./failure.ts";
import type { Machine } from "./machine.ts";
import type { Facts } from "./manifest.ts";
import type { Sample } from "./measure.ts";
import type { ScaleResults } from "./scale_result.ts";

export const schemaVersion = 1;

export interface ContenderResult {
  readonly id: string;
  readonly label: string;
  readonly role: Role;
  readonly note: string;
  /** One per round; incomplete when `failure` is set. */
  readonly samples: Sample[];
  /** Why it dropped out: it failed, or its copy was not what it should be. */
  failure?: string;
  /** System calls of one further run; absent where they cannot be counted. */
  calls?: number;
  /** Bytes that the copy occupies, of those that the source does; for the last run. */
  occupied?: { readonly source: number; readonly destination: number };
}

export interface RowResult {
  readonly workload: string;
  readonly title: string;
  readonly task: "copy" | "mirror";
  readonly place: string;
  readonly place_description: string;
  readonly facts: Facts;
  readonly load_average: readonly number[];
  readonly contenders: ContenderResult[];
}

export interface Results {
  readonly schema: typeof schemaVersion;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly command: string;
  readonly scale: number;
  readonly runs: number;
  /** What the system's caches held before each run; files of before that was noted are warm. */
  readonly caches?: "warm" | "cold";
  readonly machine: Machine;
  readonly tools: readonly Tool[];
  readonly absent_places: readonly { readonly id: string; readonly absent: string }[];
  readonly rows: RowResult[];
  readonly skipped_rows: { readonly workload: string; readonly place: string; readonly reason: string }[];
  /** False while rows are still to come, and for ever if the run was interrupted. */
  complete: boolean;
}

/** Writes the file with the directories above it. */
export async function saveResults(path: string, results: Results | ScaleResults): Promise<void> {
  await Deno.mkdir(path.replace(/[^/]*$/, "") || ".", { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(results, undefined, 1) + "\n");
}

/** Raises BenchError when the file is not a result of this bench. */
export async function loadResults(path: string): Promise<Results> {
  let results: Results;
  try {
    results = JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new BenchError(`Cannot read the results "${path}": ${state}`, { cause });
  }
  if (results.schema !== schemaVersion) {
    throw new BenchError(`Cannot use the results "${path}": schema ${results.schema}, expected ${schemaVersion}`);
  }
  return results;
}

/** Contenders with a time for every round. */
export function finishers(row: RowResult): ContenderResult[] {
  return row.contenders.filter((contender) => contender.failure === undefined && contender.samples.length > 0);
}

export function walls(contender: ContenderResult): number[] {
  return contender.samples.map((sample) => sample.wall_ms);
}
