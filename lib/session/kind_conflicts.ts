/**
 * Entries whose name the destination has given to another kind of entry: only mirror takes that away, with the other deletions, and makes
 * the entry after it. `check` reports it, for everybody else it is a failure.
 */

import { Kind } from "../model/entry.ts";
import type { Job } from "../model/job.ts";
import type { EntryBatch } from "../native/engine.ts";
import type { Deletions } from "./deletions.ts";
import type { DirNode } from "./dir_node.ts";
import { type Entries, kindNames } from "./entries.ts";
import type { Tally } from "./tally.ts";

export interface ConflictSurroundings {
  pathOf(node: DirNode, batch: EntryBatch, index: number): string;
  /** One thing less is pending in the directory. */
  done(node: DirNode): void;
  /** Lists a directory of the source, and makes it. */
  enter(parent: DirNode, batch: EntryBatch, index: number): void;
  /** Lists it, and all below it, only to see that it can be read. */
  readAhead(parent: DirNode, batch: EntryBatch, index: number): void;
  /** Counts what is in a directory that is to go. */
  countBelow(node: DirNode, batch: EntryBatch, index: number): void;
}

export class KindConflicts {
  constructor(
    private readonly job: Job,
    private readonly entries: Entries,
    private readonly deletions: Deletions,
    private readonly tally: Tally,
    private readonly around: ConflictSurroundings,
  ) {}

  /**
   * A non-directory stands where a directory is to be. Since what is below must be known to be readable before it goes, it is read
   * ahead.
   */
  replaceByDirectory(parent: DirNode, batch: EntryBatch, index: number): void {
    const resolve = (gone: boolean) => {
      if (gone) {
        parent.pending++;
        return this.around.enter(parent, batch, index);
      }
      const what = batch.dstKind(index) === Kind.Symlink ? "a symbolic link" : "a file";
      this.#failed(parent, batch, index, `Cannot create the directory: ${what} is in the way`);
    };
    if (this.job.verb !== "mirror" || this.job.ignoreExisting) {
      resolve(false);
      return this.around.done(parent);
    }
    this.deletions.makeWay(parent, batch, index, resolve);
    this.around.readAhead(parent, batch, index);
  }

  /** A directory stands where a non-directory is to be. One that cannot be opened would not be made, so nothing goes for it. */
  replaceDirectory(node: DirNode, batch: EntryBatch, index: number): void {
    if (this.job.verb === "check") {
      this.tally.filesCopied++;
      return this.tally.entry("replace", kindNames[batch.kind(index)], () => this.around.pathOf(node, batch, index));
    }
    const resolve = (gone: boolean) => {
      if (gone) this.entries.makeAfterAll(node, batch, index);
      else this.#failed(node, batch, index, "Cannot create: a directory is in the way");
    };
    if (this.job.verb !== "mirror") return resolve(false);
    this.entries.probe(node, batch, [index], (readable) => {
      if (!readable) return;
      this.deletions.makeWay(node, batch, index, resolve);
      if (this.deletions.counts) this.around.countBelow(node, batch, index);
    });
  }

  #failed(node: DirNode, batch: EntryBatch, index: number, message: string): void {
    this.tally.failure(this.around.pathOf(node, batch, index), { code: "kind_conflict", message });
  }
}
