/** One directory of the run, from its discovery to its settling. */

import type { EntryBatch } from "../native/engine.ts";

export class DirNode {
  /** What must end before the directory can settle: its listing, its entries' work, its subdirectories. */
  pending = 1;
  /** Its number must stay valid: a hard link's first name lives here or below. */
  pinned = false;
  /** Extra directories: something below is protected by the filter, so the directory stays. */
  keeps = false;
  /** It could not be listed or made; its metadata is left alone. */
  broken = false;
  /** Entries to delete, by batch; each batch is retained. */
  readonly extras: { readonly batch: EntryBatch; readonly indices: readonly number[] }[] = [];
  /** Called once an extra directory is gone (true) or is known to stay (false). */
  whenGone?: (gone: boolean) => void;

  constructor(
    readonly id: number,
    readonly parent: DirNode | undefined,
    readonly onSource: boolean,
    /** It exists there, or is made there by this run. */
    readonly onDestination: boolean,
    /** Nothing was in it at the destination before this run. */
    readonly fresh: boolean,
  ) {}

  /** Only the destination has it (or the filter hides the source's and it is to be deleted). */
  get extra(): boolean {
    return !this.onSource;
  }

  /** This directory and everything above it stay valid. */
  pin(): void {
    if (this.pinned) return;
    this.pinned = true;
    this.parent?.pin();
  }

  /** Something below is protected: no extra directory on the way up may go. */
  keep(): void {
    if (!this.extra || this.keeps) return;
    this.keeps = true;
    this.parent?.keep();
  }
}
