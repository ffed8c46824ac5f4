/**
 * The face of whatever moves the bytes: the C shim (native_engine.ts) or, where there is none, plain Deno calls
 * (portable_engine.ts). Both work on a pair of directory trees, a source and a destination root.
 *
 * Every request gets a number of calls and one answer: `done` is called exactly once, from `drain`, never from inside the
 * request. Directories go by numbers that the caller hands out; 0 is the root. A request that fails for one entry says so in its
 * answer, nothing here throws for it.
 */

import type { Method } from "../model/event.ts";

export interface EngineConfig {
  /** Root directories; they exist. Without a destination nothing can be listed or written there. */
  readonly source?: string;
  readonly destination?: string;
  /** Where the destination's users look for it, if `destination` is another way there: nothing is removed once it leads elsewhere. */
  readonly destinationPath?: string;
  /** Root of the tree that keeps what is replaced or deleted. */
  readonly backup?: string;
  /** Threads that can be had; all of them work until `activate` says otherwise. */
  readonly workers: number;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  /** Regular files of this size and more are answered with `large` instead of being copied by `apply`. */
  readonly largeBytes: number;
  /** Each worker reads and writes this many bytes at a time. */
  readonly bufferBytes: number;
  readonly verify: boolean;
  readonly fsync: boolean;
  /** Read, write nothing. */
  readonly discard: boolean;
  /** Remove each source entry once its copy has settled. */
  readonly move: boolean;
  /** Change nothing anywhere. */
  readonly readOnly: boolean;
  /**
   * Directories on another file system than their root: those of the source count as empty and are never removed, in those of the
   * destination nothing is extra.
   */
  readonly oneFileSystem?: boolean;
  /** A directory that only the destination has is not listed where something is mounted at it: it could not be removed. */
  readonly keepMounts?: boolean;
  /**
   * Between machines: what would give rights to the sender is neither given nor compared: set-id bits, device nodes, and the
   * attributes in security.* and trusted.*.
   */
  readonly withhold?: boolean;
  /** What is there of a large file stays when the run breaks off, and a later run uses it. The portable engine begins anew. */
  readonly resume?: boolean;
}

/** Why one entry, or one whole request, failed. The message is `Cannot <action>: <state>`. */
export interface EngineError {
  readonly code: string;
  readonly message: string;
  /** Something of the source could not be read, so what it holds is not known completely. */
  readonly unread?: boolean;
  /** The entry is in its place all the same, with its content: only some of its metadata is missing. */
  readonly placed?: boolean;
}

/**
 * Up to a few thousand entries of one directory, as columns. Order: non-directories of the source, its directories, then what
 * only the destination has. Valid until `release`d as often as it was `retain`ed plus once.
 */
export interface EntryBatch {
  readonly count: number;
  /** Indices [0, others) are non-directories, [others, others + dirs) directories of the source. */
  readonly others: number;
  readonly dirs: number;
  /** The last `extras` indices are entries only the destination has. */
  readonly extras: number;
  /** Non-directories that compare equal and were left out, and their bytes. */
  readonly unchanged: number;
  readonly unchangedBytes: number;
  /** Temporary files of dead runs that were removed from the destination. */
  readonly stale: number;
  /** Diff bits of the directory itself, before the run touched it. */
  readonly dirDiff: number;
  kind(index: number): number;
  /** Kind of what stands at that name in the destination; Kind.None if nothing. */
  dstKind(index: number): number;
  diff(index: number): number;
  /** Whether size, mtimeMs, nlink and inode are known. */
  known(index: number): boolean;
  size(index: number): number;
  /** Bytes that the entry takes on the medium, to the next 4 KiB. */
  allocated(index: number): number;
  mtimeMs(index: number): number;
  nlink(index: number): number;
  /** Device and inode of the source's entry, as one key; with Diff.DestinationLinked those of the destination's. */
  inode(index: number): string;
  /** The same of the destination's entry, where that has several names. Not for kinds other than files that have several in the source. */
  destinationInode(index: number): string | undefined;
  error(index: number): EngineError;
  /** Name in the destination (PEP 383 string). */
  name(index: number): string;
  retain(): void;
  release(): void;
}

/** What the destination could not keep, as bits (native/blit.h, BLIT_LOST_*). */
export const Lost = {
  Xattr: 1,
  Acl: 2,
  Owner: 4,
  Mode: 8,
  Times: 16,
  SetId: 32,
  Rights: 64,
  Labels: 128,
  Nodes: 256,
} as const;

export interface Answer {
  readonly error?: EngineError;
  /** Lost bits. */
  readonly lost: number;
}

export interface RangeAnswer extends Answer {
  /** Bytes right behind the slice in which the source has no data, as far as is known. */
  readonly hole?: number;
}

export interface ListRequest {
  readonly dir: number;
  /** Where the directory's name stands: entry `index` of a batch of `parent`. Not for the root. */
  readonly parent?: { readonly dir: number; readonly batch: EntryBatch; readonly index: number };
  readonly onSource: boolean;
  /** It exists in the destination: compare with it, list what only it has. */
  readonly onDestination: boolean;
  /** Create it in the destination first; it is then known to be empty. */
  readonly make: boolean;
  /** With `make`: everything in it is to be made, so the engine may begin at once. */
  readonly take?: boolean;
  /** Nobody needs the directory once all in it is as it should be: the engine may settle it and forget its number. */
  readonly close?: boolean;
  /** Know size and times of every source entry. */
  readonly stat: boolean;
  /** Also emit entries that compare equal. */
  readonly all: boolean;
  /** Continue an earlier listing that answered `more`. */
  readonly more: boolean;
  /** Just this one entry of the root, with its name in the destination. */
  readonly named?: { readonly source: string; readonly destination: string };
}

/**
 * The source's directory is on another file system than the one above it: `left_out` where it therefore counts as empty
 * (`oneFileSystem`), `kernel` where the kernel makes it up, as it does with /proc and /sys.
 */
export type Crossing = "left_out" | "kernel";

export interface ListAnswer extends Answer {
  readonly batch?: EntryBatch;
  /** With `take`: what became of the first entries, which `apply` need not be asked for any more. */
  readonly taken?: ApplyAnswer & { readonly count: number };
  /** With `close`: the directory is settled and its number is free; all entries were taken or compare equal, there is no batch. */
  readonly closed?: { readonly unchanged: number; readonly unchangedBytes: number };
  readonly more: boolean;
  readonly crossing?: Crossing;
  /** Which side could not be listed, with `error`. */
  readonly failedSide?: "source" | "destination";
}

export const Action = {
  /** The destination is known to lack it. */
  Make: 0,
  /** Something stands there; it stays whole until the new one is. */
  Replace: 1,
  /** Only owner, mode, attributes and times. */
  Metadata: 2,
  /** Compare content; answers `same` or `different`. */
  Content: 3,
  /** Move: both sides are equal, remove the source. */
  Forget: 4,
  /** See whether the source's file can be opened, no more. Allowed where nothing may be changed. */
  Probe: 5,
} as const;
export type Action = (typeof Action)[keyof typeof Action];

export interface ApplyRequest {
  readonly dir: number;
  readonly batch: EntryBatch;
  /** Entries with their actions, or a run [first, first + count) that is all `Make`. */
  readonly entries: readonly { readonly index: number; readonly action: Action }[] | {
    readonly first: number;
    readonly count: number;
  };
  /** Copy entries with several names too, instead of answering `linked`; a move leaves their sources (to `Forget`). */
  readonly takeLinked: boolean;
}

/** What was not simply done. */
export type Detail =
  | { readonly index: number; readonly is: "failed"; readonly error: EngineError }
  /** `allocated`: bytes that it takes on the medium. */
  | { readonly index: number; readonly is: "large"; readonly size: number; readonly allocated: number }
  | { readonly index: number; readonly is: "linked"; readonly inode: string }
  | { readonly index: number; readonly is: "same" }
  | { readonly index: number; readonly is: "different" };

export interface ApplyAnswer extends Answer {
  /** Entries that were simply done. */
  readonly done: number;
  /** Bytes of their content. */
  readonly bytes: number;
  readonly details: readonly Detail[];
}

export interface LargeAnswer extends Answer {
  readonly size: number;
  /** Undefined without `error`: the file is done already (its extents were shared). */
  readonly handle?: bigint;
}

export interface LinkRequest {
  readonly dir: number;
  readonly batch: EntryBatch;
  readonly index: number;
  /** The destination entry to link to. */
  readonly target: { readonly dir: number; readonly name: string };
}

export interface LinkAnswer extends Answer {
  /** It already was the same inode. */
  readonly same: boolean;
}

export interface SettleRequest {
  readonly dir: number;
  /** `metadata`: make it that of the source; `remove`: delete the directory from the destination; `nothing`. */
  readonly what: "metadata" | "remove" | "nothing";
  /** Then remove the source's directory if it is empty. */
  readonly removeSource: boolean;
  /** The number is not used again (unless this fails). */
  readonly drop: boolean;
}

export interface Counters {
  readonly bytesByMethod: Readonly<Record<Method, number>>;
  /** Files done by `apply`. */
  readonly files: number;
  /** Bytes moved so far, unfinished files included. */
  readonly bytesMoved: number;
  /** Milliseconds summed over the workers: without a task, reading the source, writing the destination. */
  readonly idleMs: number;
  readonly sourceMs: number;
  readonly destinationMs: number;
  /** Grows while something moves that no other counter shows. */
  readonly ticks: number;
  /** Regular files done, by size; bounds as in model/run_record.ts. */
  readonly sizes: readonly number[];
  /** Of lanes that send: segments that TCP sent again, and the longest smoothed round trip. */
  readonly retransmits?: number;
  readonly roundTripMs?: number;
}

export interface Engine {
  list(request: ListRequest, done: (answer: ListAnswer) => void): void;
  apply(request: ApplyRequest, done: (answer: ApplyAnswer) => void): void;
  openLarge(dir: number, batch: EntryBatch, index: number, done: (answer: LargeAnswer) => void): void;
  copyRange(dir: number, handle: bigint, offset: number, length: number, done: (answer: RangeAnswer) => void): void;
  /** Puts a large file in place, or gives it up and leaves no trace. */
  finishLarge(dir: number, handle: bigint, commit: boolean, done: (answer: Answer) => void): void;
  /** A move leaves the source of the link, too. */
  link(request: LinkRequest, done: (answer: LinkAnswer) => void): void;
  /** Deletes non-directories of the destination. */
  remove(dir: number, batch: EntryBatch, indices: readonly number[], done: (answer: ApplyAnswer) => void): void;
  settle(request: SettleRequest, done: (answer: Answer) => void): void;
  /** Path of a directory relative to the root, with a trailing slash; "" for the root. */
  pathOf(dir: number): string;
  /** Whether the destination's directory still is where its path leads, so that what was written is where it is looked for. */
  stands?(dir: number, done: (stands: boolean) => void): void;
  progress(): Counters;
  /** How many of the workers take work from now on. */
  activate(workers: number): void;
  /**
   * Calls back for every answer; returns when no request is open or after `stop`. `round` is called whenever all answers that
   * are there were handed over; it may make requests, and says after how many milliseconds it wants to be called again at the
   * latest. What it throws ends the drain.
   */
  drain(round?: () => number): Promise<void>;
  /** Leaves as soon as each worker has put its file in a safe state; open requests get no answer. */
  stop(): void;
  /**
   * Gives everything back; unfinished large files are given up. False where a worker hangs in the system and did not return within
   * `patienceMs`: what it holds stays until the process ends.
   */
  close(patienceMs?: number): Promise<boolean>;
}
