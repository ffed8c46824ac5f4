/** One directory of the run, from its discovery to its settling. */

import type { EntryBatch } from "../native/engine.ts";

/** What of one batch is to be deleted; the batch is retained. */
export interface Extras {
  readonly batch: EntryBatch;
  readonly files: readonly number[];
  readonly directories: readonly number[];
  /** Of each of them: whether it is gone now, or is known to stay. */
  readonly whenGone?: (gone: boolean) => void;
}

/**
 * - `source`: the source has it. - `extra`: only the destination has it, it is being deleted.
 * - `count`: only the destination has it, its entries are being counted.
 * - `ahead`: the source has it and must wait for its place; it is read ahead to see that all of it can be.
 */
export type Role = "source" | "extra" | "count" | "ahead";

export class DirNode {
  /** What must end before the directory can settle: its listing, its entries' work, its subdirectories. */
  pending = 1;
  /** Its number must stay valid: a hard link's first name lives here or below. */
  pinned = false;
  /** An extra directory: something below is protected by the filter or could not be looked into, so the directory stays. */
  keeps = false;
  /** It could not be listed or made; its metadata is left alone. */
  broken = false;
  /** Source directories: what the destination has beyond them. */
  readonly extras: Extras[] = [];

  constructor(
    readonly id: number,
    readonly parent: DirNode | undefined,
    readonly role: Role,
    /** It exists there, or is made there by this run. */
    readonly onDestination: boolean,
    /** Nothing was in it at the destination before this run. */
    readonly fresh: boolean,
    readonly whenGone?: (gone: boolean) => void,
  ) {}

  /** This directory and everything above it stay valid. */
  pin(): void {
    if (this.pinned) return;
    this.pinned = true;
    this.parent?.pin();
  }

  /** Something in it stays: no extra directory on the way up may go. */
  keep(): void {
    if (this.role === "source" || this.keeps) return;
    this.keeps = true;
    this.parent?.keep();
  }
}
