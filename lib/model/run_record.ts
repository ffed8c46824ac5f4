/**
 * What the performance history keeps of one run, and what was learnt from many: plain data about speed.
 *
 * No names of files, folders or hosts. The field names are those of `perf_local.jsonl` and of `--json`, hence snake_case.
 * Times are milliseconds, sizes bytes.
 */

/** Raised when a field changes its meaning; records of another version are skipped. */
export const runRecordVersion = 1;

/** The path a job takes through the planner. */
export type Route = "tiny" | "huge" | "streaming";

export const routes: readonly Route[] = ["tiny", "huge", "streaming"];

/** What decides how a run behaves, besides its files. Plaid and limited runs say nothing about the machine. */
export type RunFlag =
  | "checksum"
  | "delete"
  | "verify"
  | "fsync"
  | "dry_run"
  | "discard"
  | "bandwidth_limit"
  | "workers_limit"
  | "plaid";

export const runFlags: readonly RunFlag[] = [
  "checksum",
  "delete",
  "verify",
  "fsync",
  "dry_run",
  "discard",
  "bandwidth_limit",
  "workers_limit",
  "plaid",
];

/** One side of a run, as far as it decides about speed. Absent: not known. */
export interface FileSystemProfile {
  /** The kernel's name of the file system: "ext4", "tmpfs", "nfs4". */
  readonly kind: string;
  readonly network: boolean;
  readonly rotational?: boolean;
  /** The kernel's name of the disk: "nvme0n1", "md0". */
  readonly device?: string;
}

export interface Workload {
  readonly files: number;
  readonly bytes: number;
  /** How many files are below each of `sizeBounds`; the last counts the rest. */
  readonly sizes: readonly number[];
  readonly flags: readonly RunFlag[];
}

/** Upper bounds of the size histogram: 4 KiB, 64 KiB, 1 MiB, 16 MiB, 256 MiB, 1 GiB. */
export const sizeBounds: readonly number[] = [2 ** 12, 2 ** 16, 2 ** 20, 2 ** 24, 2 ** 28, 2 ** 30];

export const sizeClasses = sizeBounds.length + 1;

/** The place of a file of `bytes` in the size histogram. */
export function sizeClass(bytes: number): number {
  const at = sizeBounds.findIndex((bound) => bytes < bound);
  return at < 0 ? sizeBounds.length : at;
}

/** What ran, and where the workers waited. */
export interface RunRecord {
  readonly v: typeof runRecordVersion;
  /** When it began, ISO 8601 in UTC. */
  readonly time: string;
  readonly version: string;
  readonly status: "ok" | "partial" | "failed" | "interrupted";
  readonly route: Route;
  readonly route_reason: string;
  readonly predicted_planning_ms: number;
  readonly workload: Workload;
  readonly source: FileSystemProfile;
  readonly destination: FileSystemProfile;
  readonly planning_ms: number;
  readonly copy_ms: number;
  readonly total_ms: number;
  readonly bytes_by_method: Readonly<Record<string, number>>;
  /** What the run settled on; 0 where it used none. */
  readonly workers: number;
  readonly lanes: number;
  readonly shard_bytes: number;
  readonly stalls: number;
  /** Summed over all workers: time without work because of that side. */
  readonly waits_ms: {
    readonly planner: number;
    readonly source: number;
    readonly network: number;
    readonly destination: number;
  };
}

/** What was learnt about one pair of file systems and one route. */
export interface LearntProfile {
  readonly source: string;
  readonly destination: string;
  /** "streaming", or with what makes planning another thing: "streaming+checksum". */
  readonly route: string;
  readonly runs: number;
  readonly ms_per_file: number;
  readonly ms_per_mib: number;
  readonly fixed_ms: number;
  /** Median of the last errors, 0.1 is 10 %; absent before the second run. */
  readonly median_error?: number;
  /** Where the next run starts; absent while too little is known. */
  readonly workers?: number;
  readonly lanes?: number;
  readonly shard_bytes?: number;
  /** How far the tiny route reaches between these file systems. */
  readonly tiny_files: number;
  readonly tiny_bytes: number;
}

/** Whether runs are recorded, and if not, what keeps them from it. */
export type HistoryState =
  | "enabled"
  | "disabled by settings"
  | "disabled by environment"
  | "no configuration directory";
