/**
 * Which entries of the source take part in a run, and which of the destination's may go: as the filter says, and, where several sources
 * lead into one tree, by whose an entry is. Asked from the top down, about each entry once.
 */

import type { Placement } from "../endpoint/place.ts";
import { Kind } from "../model/entry.ts";
import type { Job } from "../model/job.ts";
import type { EngineError, EntryBatch } from "../native/engine.ts";
import type { Filter } from "../scan/filter.ts";
import type { Claims } from "./claims.ts";
import type { DirNode } from "./dir_node.ts";
import type { Tally } from "./tally.ts";

const sameName: EngineError = {
  code: "same_name",
  message: "Cannot create: another source of this run has an entry of this name",
};

export class Selection {
  readonly #missing: Set<string>;

  constructor(
    private readonly job: Job,
    private readonly placement: Placement,
    private readonly filter: Filter,
    private readonly claimed: Claims | undefined,
    private readonly tally: Tally,
    private readonly pathOf: (node: DirNode, batch: EntryBatch, index: number) => string,
  ) {
    this.#missing = new Set(filter.listed);
    this.#missing.delete(".");
  }

  /** Nothing is hidden, and nothing is another source's. */
  get takesAll(): boolean {
    return this.filter.passesEverything && this.claimed === undefined;
  }

  /** Sizes and times decide, too. */
  get needsStat(): boolean {
    return this.filter.needsStat;
  }

  /** Something that --files-from names was not met so far. */
  get lacksListed(): boolean {
    return this.#missing.size > 0;
  }

  /** What was not met never will be. */
  scanEnded(): void {
    const message = "Cannot find it in the source: it is listed in --files-from";
    for (const path of this.#missing) this.tally.failure(path, { code: "ENOENT", message });
  }

  /** --delete-scope all: what the rules hide in the source goes from the destination. */
  private get deletesHidden(): boolean {
    // With a list rsync still deletes only inside what is listed, and so do we.
    return this.job.verb === "mirror" && this.job.deletion.scope === "all" && this.filter.listed === undefined;
  }

  includesRoot(): boolean {
    const { filterPrefix } = this.placement;
    return filterPrefix === "" || this.filter.includesDirectory(filterPrefix.slice(0, -1));
  }

  includesDirectory(parent: DirNode, batch: EntryBatch, index: number): boolean {
    if (this.filter.passesEverything) return true;
    const path = this.#filterPath(parent, batch, index);
    this.#missing.delete(path);
    return this.filter.includesDirectory(path);
  }

  /** Of everything but directories. */
  includes(node: DirNode, batch: EntryBatch, index: number): boolean {
    if (this.filter.passesEverything) return true;
    const path = this.#filterPath(node, batch, index);
    this.#missing.delete(path);
    const limited = batch.kind(index) === Kind.File && batch.known(index);
    return this.filter.includesFile(
      path,
      limited ? { size: batch.size(index), mtimeMs: batch.mtimeMs(index) } : undefined,
    );
  }

  /** Whether an entry is this source's; else it is a failure. */
  claims(node: DirNode, batch: EntryBatch, index: number): boolean {
    if (this.claimed === undefined) return true;
    const path = this.pathOf(node, batch, index);
    const directory = batch.kind(index) === Kind.Directory;
    const ours = this.claimed.claim(path, directory, batch.dstKind(index) !== Kind.None);
    if (!ours) this.tally.failure(path, sameName);
    return ours;
  }

  /**
   * Whether what stands in the destination behind a name that the rules hide in the source goes as if the source had no such name: all of
   * it with --delete-scope all; else an entry of the other kind that the rules let through (a pattern with a slash at its end means
   * directories only). Limits on size and age hide no names, and a single entry deletes nothing.
   */
  mayDeleteHidden(node: DirNode, batch: EntryBatch, index: number): boolean {
    const dstKind = batch.dstKind(index);
    if (!this.countsExtras || dstKind === Kind.None || this.placement.entry) return false;
    const directory = batch.kind(index) === Kind.Directory;
    const path = this.#filterPath(node, batch, index);
    if (this.filter.includesName(path, directory)) return false;
    const there = dstKind === Kind.Directory;
    return this.deletesHidden || (there !== directory && this.filter.mayDelete(path, there));
  }

  /** What only the destination has is deleted, or is a difference. */
  get countsExtras(): boolean {
    return this.job.verb === "mirror" || (this.job.verb === "check" && !this.job.oneWay);
  }

  /** Of what only the destination has. */
  mayDeleteExtra(node: DirNode, batch: EntryBatch, index: number): boolean {
    return this.filter.passesEverything || this.deletesHidden ||
      this.filter.mayDelete(this.#filterPath(node, batch, index), batch.kind(index) === Kind.Directory);
  }

  /** Patterns see a nested source from its own name on (`/src/a`), as with rsync; a list is relative to the source. */
  #filterPath(node: DirNode, batch: EntryBatch, index: number): string {
    return this.placement.filterPrefix + this.pathOf(node, batch, index);
  }
}
