/** What a running job tells the outside. Stages emit these; `report/` shows them. */

import type { Verb } from "./job.ts";

export type Phase = "scanning" | "copying" | "deleting" | "finishing";

/** How the bytes of a file got across. `hole`: bytes of sparse files that were never read or written. */
export type Method =
  | "reflink"
  | "copy_file_range"
  | "read_write"
  | "hole"
  | "discarded"
  /** Over a connection: received, or sent through a buffer. */
  | "network"
  /** Sent over a connection without a copy. */
  | "sendfile"
  /** Not moved: a transfer that broke off had left it there. */
  | "resumed";

export type EntryKind = "file" | "directory" | "symlink" | "fifo" | "socket" | "char_device" | "block_device";

/**
 * What happened (or, in a dry run, would happen) to one entry.
 * - `create`, `replace`: content written; `metadata`: only times, mode, owner or attributes;
 * - `link`: made a hard link of an entry copied before; `delete`: removed from the destination;
 * - `unchanged`: compared equal. For `check`: `create` = missing in the destination, `delete` = only in the destination,
 *   `replace` = content differs, `metadata` = only metadata differs.
 */
export type Change = "create" | "replace" | "metadata" | "link" | "delete" | "unchanged";

export interface EntryEvent {
  readonly type: "entry";
  readonly change: Change;
  readonly kind: EntryKind;
  /** Relative to the destination root, PEP 383 string; "." is the root itself. */
  readonly path: string;
  /** Bytes, where known. */
  readonly size?: number;
}

/** One entry that could not be handled; the others go on. */
export interface Failure {
  readonly path: string;
  /** An errno name ("EACCES") or one of blit's own: "changed", "kind_conflict", "verify_mismatch", "unsupported", "max_delete". */
  readonly code: string;
  /** `Cannot <action>: <state>`, without the path, no period. */
  readonly message: string;
}

export interface FailureEvent extends Failure {
  readonly type: "failure";
}

/** Said once per kind, for example "the destination cannot hold extended attributes". */
export interface NoticeEvent {
  readonly type: "notice";
  readonly kind: string;
  readonly message: string;
}

export interface PhaseEvent {
  readonly type: "phase";
  readonly phase: Phase;
}

/** A line of the planner or tuner, shown by --verbose. */
export interface PlannerEvent {
  readonly type: "planner";
  readonly message: string;
}

export type JobEvent = EntryEvent | FailureEvent | NoticeEvent | PhaseEvent | PlannerEvent;

/** Live figures, polled by the progress line (10 Hz). Totals grow while the scan runs. */
export interface Progress {
  readonly phase: Phase;
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  /** Undefined where the scan does not know sizes (a fresh copy reads them when it opens the file). */
  readonly bytesTotal?: number;
  /** True once totals are final. */
  readonly scanComplete: boolean;
  readonly currentPath?: string;
  readonly workers: number;
  readonly waits: Waits;
  /** Between machines. */
  readonly network?: NetworkFigures;
}

/** What the connections that carry content do. */
export interface NetworkFigures {
  readonly lanes: number;
  /** Segments that TCP sent again. */
  readonly retransmits: number;
  /** The longest of their round trips, smoothed by TCP; 0 where it is not known. */
  readonly roundTripMs: number;
}

/** Milliseconds summed over the workers: without work, reading the source, writing the destination. */
export interface Waits {
  readonly planner: number;
  readonly source: number;
  readonly destination: number;
}

export type Status = "ok" | "partial" | "failed" | "interrupted";

/** The result of a job. Everything but directories counts as a file (symlinks and special files too). */
export interface Summary {
  readonly verb: Verb;
  readonly dryRun: boolean;
  readonly status: Status;
  /** The path the planner took: "tiny", "huge", "streaming", or "rename" for a move done by one rename. */
  readonly route: string;
  /** Why that route; no file names. */
  readonly routeReason: string;
  readonly predictedPlanningMs: number;
  /** Summed over the sources: from the start to the end of the scan. */
  readonly planningMs: number;
  readonly workers: number;
  readonly stalls: number;
  /** What limited a run of more than 2 s, with the evidence. */
  readonly bottleneck?: string;
  readonly filesTotal: number;
  readonly filesCopied: number;
  readonly filesUnchanged: number;
  /** Source files removed by `move`. */
  readonly filesRemoved: number;
  readonly filesDeleted: number;
  readonly filesFailed: number;
  /** Found by the time the destination was full, and not copied for that. */
  readonly filesNotTried: number;
  /** Of filesCopied: only metadata was brought up to date. */
  readonly filesMetadataOnly: number;
  readonly directoriesTotal: number;
  readonly directoriesCreated: number;
  readonly directoriesDeleted: number;
  /** Sizes of all regular files seen (each hard-linked inode once). */
  readonly bytesTotal: number;
  /** Sizes of the regular files whose content was written. */
  readonly bytesCopied: number;
  readonly bytesByMethod: Readonly<Partial<Record<Method, number>>>;
  /** Between machines: connections that carried content at once, at most. */
  readonly lanes?: number;
  /** Between machines: segments that TCP sent again, and the longest round trip. */
  readonly retransmits?: number;
  readonly roundTripMs?: number;
  /** Between machines: what the source sent without a copy in its memory. */
  readonly bytesZeroCopy?: number;
  /** Between machines: content travelled inside the control channel because no connection could be made for it. */
  readonly tcpFallbackUsed?: boolean;
  readonly durationMs: number;
  /** Full number; `failures` holds the first ones only. */
  readonly failuresTotal: number;
  readonly failures: readonly Failure[];
  readonly notices: readonly string[];
}

/** Receives events of a running job. Calls are synchronous and must be quick. */
export type EventSink = (event: JobEvent) => void;
