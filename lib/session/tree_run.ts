/**
 * One source and one destination, from the root to the last directory's times.
 *
 * 1. Directories are listed depth first, several at a time; each listing brings batches of entries (scan).
 * 2. What differs is handed to Entries as it comes, so bytes move while the scan runs. The scan pauses while much is under way.
 * 3. A directory settles when nothing in it is pending any more: its listing, its entries, its subdirectories.
 * 4. What only the destination has is remembered; it goes when all of the source was read without an error (mirror), or is only
 *    reported.
 *
 * Everything happens in callbacks of one engine, on one thread: no state here is ever seen half changed.
 */

import { engineError, GONE } from "../native/errno.ts";
import type { Engine, EngineError, EntryBatch, ListAnswer } from "../native/engine.ts";
import { Kind } from "../model/entry.ts";
import type { Placement } from "../endpoint/place.ts";
import type { Job } from "../model/job.ts";
import type { Filter } from "../scan/filter.ts";
import type { Claims } from "./claims.ts";
import type { Room } from "./room.ts";
import { Deletions } from "./deletions.ts";
import { DirNode, type Role } from "./dir_node.ts";
import { Entries } from "./entries.ts";
import { KindConflicts } from "./kind_conflicts.ts";
import { ENTRIES_IN_FLIGHT, LISTINGS_IN_FLIGHT } from "./limits.ts";
import { Planner } from "./planner.ts";
import { Selection } from "./selection.ts";
import { LOOK_EVERY_MS, Watch, type WatchOptions } from "./watch.ts";
import type { Tally } from "./tally.ts";

/** Subdirectories of one batch that are still to be listed, or a listing that has more to give. */
type Frame =
  | {
    readonly node: DirNode;
    readonly role: Role;
    readonly batch: EntryBatch;
    readonly indices: readonly number[];
    readonly whenGone?: (gone: boolean) => void;
    next: number;
  }
  | { readonly node: DirNode; readonly batch?: undefined };

export interface RootState extends WatchOptions {
  /** The destination root exists (or was just made). */
  readonly exists: boolean;
  /** It was not there before this run. */
  readonly fresh: boolean;
  /** It counts as created by this run. */
  readonly counted: boolean;
  /** Undefined where nothing is to be said about it before it is full. */
  readonly room?: Room;
  /** The largest slice of a large file. */
  readonly rangeBytes: number;
  /** Move: removes the source's root itself, unless something is left in it. */
  removeSource?(done: (error: EngineError | undefined) => void): void;
  /** Where other sources of the job lead into the same tree: whose an entry is. */
  readonly claims?: Claims;
}

export class TreeRun {
  readonly #entries: Entries;
  readonly #planner: Planner;
  readonly #watch: Watch;
  readonly #deletions: Deletions;
  readonly #readOnly: boolean;
  readonly #frames: Frame[] = [];
  readonly #selection: Selection;
  readonly #conflicts: KindConflicts;
  #listings = 0;
  #nextDir = 1;
  /** Something of the source could not be read: nothing is deleted. */
  #unread = false;
  /** Pieces of work on entries that have begun and not ended. */
  #working = 0;
  #answers = 0;
  /** Extra directories whose entries are being counted. */
  #counting = 0;
  #scanEnded = false;
  #recent: { readonly node: DirNode; readonly batch?: EntryBatch; readonly index: number } | undefined;
  readonly #startedMs = performance.now();

  constructor(
    private readonly job: Job,
    private readonly placement: Placement,
    filter: Filter,
    private readonly engine: Engine,
    private readonly tally: Tally,
    private readonly root: RootState,
  ) {
    this.#readOnly = job.dryRun || job.verb === "check";
    const nowMs = performance.now();
    this.#planner = new Planner(root.workers, nowMs, (line) => tally.planner(line));
    this.#watch = new Watch(job, engine, tally, root, nowMs);
    const pathOf = (node: DirNode, batch: EntryBatch, index: number) => this.#pathOf(node, batch, index);
    this.#selection = new Selection(job, placement, filter, root.claims, tally, pathOf);
    this.#entries = new Entries(
      job,
      engine,
      tally,
      {
        begin: (node, batch, index) => this.#begin(node, batch, index),
        end: (node, batch) => this.#end(node, batch),
        pathOf,
        sourceUnreadable: () => this.#unread = true,
        conflict: (node, batch, index) => this.#conflicts.replaceDirectory(node, batch, index),
      },
      this.#planner,
      { ...root, alone: placement.entry !== undefined },
    );
    this.#deletions = new Deletions(job, engine, tally, {
      pathOf,
      pathOfDir: (node) => this.#pathOfDir(node),
      begin: (node, batch, index) => this.#begin(node, batch, index),
      end: (node, batch) => this.#end(node, batch),
      walk: (node, extras) => {
        this.#goDown(node, "extra", extras.batch, extras.directories, extras.whenGone);
        this.#pump();
      },
      done: (node) => this.#done(node),
      settle: (node) => this.#settle(node),
    });
    this.#conflicts = new KindConflicts(job, this.#entries, this.#deletions, tally, {
      pathOf,
      done: (node) => this.#done(node),
      enter: (parent, batch, index) => this.#enter(parent, batch, index),
      readAhead: (parent, batch, index) => this.#readAhead(parent, batch, index),
      countBelow: (node, batch, index) => this.#goDown(node, "count", batch, [index]),
    });
  }

  async execute(): Promise<void> {
    const { exists, fresh } = this.root;
    if (!this.#selection.includesRoot()) return this.#endScan();
    const node = new DirNode(0, undefined, "source", exists, fresh);
    if (!this.placement.entry) {
      this.tally.directoriesTotal++;
      if (this.root.counted) this.#created(() => this.#pathOfDir(node));
    }
    this.#list(node, undefined, false);
    try {
      await this.engine.drain(() => this.#round());
      if (!this.#readOnly && exists) await this.#lookAtRoot();
    } catch (error) {
      const shortage = this.root.room?.shortage;
      // Before anything is copied it is a refusal; later it is an end with a score.
      if (error !== shortage || !shortage || this.tally.filesCopied === 0) throw error;
      this.engine.stop();
      this.tally.cannotGoOn("no_room", shortage.message);
    }
    this.tally.tellFull();
    const shortage = this.job.dryRun ? this.root.room?.shortage : undefined;
    if (shortage) this.tally.cannotGoOn("no_room", shortage.message);
  }

  async #lookAtRoot(): Promise<void> {
    this.engine.stands?.(0, (stands) => {
      if (!stands) this.tally.failure(".", engineError(GONE, 0));
    });
    await this.engine.drain(() => this.#round());
  }

  /** All answers that were there are dealt with. Returns for how long there need not be another round. */
  #round(): number {
    const shortage = this.#readOnly ? undefined : this.root.room?.shortage;
    if (shortage) throw shortage;
    const nowMs = performance.now();
    const waitMs = this.#planner.round(nowMs, this.#scanEnded);
    const planned = this.#planner.classified + this.tally.directoriesTotal;
    this.#watch.look(nowMs, planned, this.#answers, () => this.currentPath());
    return Math.min(waitMs, LOOK_EVERY_MS);
  }

  currentPath(): string | undefined {
    const { node, batch, index } = this.#entries.largeUnderWay ?? this.#recent ?? {};
    if (!node || node.pending === 0) return undefined;
    return batch ? this.#pathOf(node, batch, index!) : this.#pathOfDir(node);
  }

  // --- listing ---

  #list(
    node: DirNode,
    at: { batch: EntryBatch; index: number } | undefined,
    more: boolean,
    entered?: (error: EngineError | undefined) => void,
  ): void {
    const { job } = this;
    const make = node.fresh && node.onDestination && node.id !== 0 && !more;
    const settles = node.role === "source" && node.onDestination && node.id !== 0 && !this.#readOnly &&
      job.verb !== "move";
    this.#listings++;
    this.engine.list({
      dir: node.id,
      parent: at && { dir: node.parent!.id, batch: at.batch, index: at.index },
      onSource: node.role === "source" || node.role === "ahead",
      onDestination: node.onDestination && !make,
      make,
      stat: this.#readOnly || this.#selection.needsStat || job.itemize || job.verb === "move",
      all: !this.#selection.takesAll || job.compare === "checksum" || job.compare === "always" || job.verb === "move",
      more,
      take: make && this.#makesAll(node) && !job.itemize,
      close: settles,
      named: node.id === 0 ? this.placement.entry : undefined,
    }, (answer) => {
      entered?.(answer.error);
      this.#listed(node, answer);
    });
  }

  #listed(node: DirNode, answer: ListAnswer): void {
    this.tally.lost(answer.lost);
    if (answer.crossing === "kernel" && !answer.closed) this.#remarkKernelFiles(node);
    if (answer.taken) this.#entries.taken(node, answer.batch, answer.taken);
    if (answer.error) this.#notListed(node, answer.error, answer.failedSide);
    else if (answer.closed) {
      this.tally.unchanged(answer.closed);
      this.#finished(node);
    } else {
      if (answer.batch) {
        // A continuation waits below its subdirectories: what is discovered is finished before more is discovered.
        if (answer.more) this.#frames.push({ node });
        this.#take(node, answer.batch, answer.taken?.count ?? 0);
        answer.batch.release();
      } else if (answer.more) {
        this.#frames.push({ node });
      }
      if (!answer.more) this.#done(node);
    }
    // Not before: some entries are done with while the others are taken, and the scan has not ended until all are in line.
    this.#listings--;
    this.#pump();
  }

  #notListed(node: DirNode, error: EngineError, side: ListAnswer["failedSide"]): void {
    const spared = error.code === "mount_point" && this.job.oneFileSystem;
    if ((error.code === "backup" && node.role !== "source") || spared) {
      if (spared) {
        this.tally.notice("mount_point", "--one-file-system left a mount point alone that only the destination has");
      }
      node.keep();
      return this.#done(node);
    }
    if (side === "source") this.#unread = true;
    if (node.role === "count") this.#deletions.countedInPart();
    node.keep();
    node.broken = true;
    const path = this.placement.entry && node.id === 0 ? this.placement.entry.destination : this.#pathOfDir(node);
    this.tally.failure(path, error);
    this.#done(node);
  }

  #remarkKernelFiles(node: DirNode): void {
    this.tally.notice(
      "kernel_files",
      `"${
        this.#pathOfDir(node)
      }" in the source shows the kernel's state, it holds no files; --one-file-system or --exclude leaves ` +
        "it and its like out",
    );
  }

  /** Hands the entries of a batch to whoever is concerned with them. */
  #take(node: DirNode, batch: EntryBatch, taken: number): void {
    const { tally } = this;
    tally.unchanged(batch);
    if (batch.stale > 0) tally.stale(batch.stale, this.#pathOfDir(node));
    if (batch.dirDiff && !node.fresh) tally.entry("metadata", "directory", () => this.#pathOfDir(node));
    this.#takeExtras(node, batch);
    if (batch.others > taken) this.#takeOthers(node, batch, taken);
    if (batch.dirs > 0) this.#goDown(node, node.role, batch, range(batch.others, batch.others + batch.dirs));
  }

  /** Puts directories of a batch in line to be listed. */
  #goDown(
    node: DirNode,
    role: Role,
    batch: EntryBatch,
    indices: readonly number[],
    whenGone?: (gone: boolean) => void,
  ): void {
    if (indices.length === 0) return;
    node.pending += indices.length;
    batch.retain();
    this.#frames.push({ node, role, batch, indices, whenGone, next: 0 });
  }

  /** Whatever is in the directory is to be made: no entry needs a decision of its own. */
  #makesAll(node: DirNode): boolean {
    return node.fresh && this.#selection.takesAll && !this.#readOnly && this.job.verb !== "move";
  }

  #takeOthers(node: DirNode, batch: EntryBatch, taken: number): void {
    if (this.#makesAll(node)) return this.#entries.makeRun(node, batch, taken, batch.others - taken);
    const selection = this.#selection;
    const indices: number[] = [];
    const hidden: number[] = [];
    for (let i = 0; i < batch.others; i++) {
      if (selection.includes(node, batch, i)) {
        if (selection.claims(node, batch, i)) indices.push(i);
        else this.tally.filesTotal++;
      } else if (selection.mayDeleteHidden(node, batch, i)) hidden.push(i);
    }
    if (node.role === "ahead") return this.#entries.probe(node, batch, indices, () => {});
    this.#entries.plan(node, batch, indices);
    this.#takeExtra(node, batch, hidden);
  }

  /** What only the destination has: remembered, or, below a directory that only the destination has, deleted or counted. */
  #takeExtras(node: DirNode, batch: EntryBatch): void {
    if (batch.extras === 0 || !this.#selection.countsExtras) return;
    const extras: number[] = [];
    for (let i = batch.count - batch.extras; i < batch.count; i++) {
      if (this.#selection.mayDeleteExtra(node, batch, i)) extras.push(i);
      else node.keep();
    }
    this.#takeExtra(node, batch, extras);
  }

  #takeExtra(node: DirNode, batch: EntryBatch, indices: readonly number[]): void {
    const isDirectory = (index: number) => batch.dstKind(index) === Kind.Directory;
    const directories = indices.filter(isDirectory);
    const files = indices.filter((index) => !isDirectory(index));
    if (node.role === "extra") {
      if (files.length > 0) this.#deletions.remove(node, batch, files);
      return this.#goDown(node, "extra", batch, directories);
    }
    if (node.role === "source") this.#deletions.remember(node, batch, files, directories);
    else this.#deletions.count(files.length);
    if (this.#deletions.counts) this.#goDown(node, "count", batch, directories);
  }

  // --- going down ---

  #pump(): void {
    while (this.#listings < LISTINGS_IN_FLIGHT && this.#planner.outstanding < ENTRIES_IN_FLIGHT) {
      const frame = this.#frames.at(-1);
      if (!frame) break;
      if (this.tally.full && this.#leave(frame)) continue;
      if (!frame.batch) {
        this.#frames.pop();
        this.#list(frame.node, undefined, true);
        continue;
      }
      const index = frame.indices[frame.next++];
      const last = frame.next === frame.indices.length;
      if (last) this.#frames.pop();
      if (frame.role === "source") this.#descend(frame.node, frame.batch, index);
      else if (frame.role === "ahead") this.#lookAhead(frame.node, frame.batch, index);
      else this.#descendExtra(frame.node, frame.role, frame.batch, index, frame.whenGone);
      if (last) frame.batch.release();
    }
    if (this.#listings === 0 && this.#frames.length === 0 && !this.#scanEnded) this.#endScan();
    else this.#judgeDeletions();
  }

  /** Where the destination is full, no further directory of the source is looked into. */
  #leave(frame: Frame): boolean {
    if (frame.batch && frame.role !== "source") return false;
    this.#frames.pop();
    if (!frame.batch) this.#done(frame.node);
    else {
      for (let i = frame.next; i < frame.indices.length; i++) this.#done(frame.node);
      frame.batch.release();
    }
    return true;
  }

  #descend(parent: DirNode, batch: EntryBatch, index: number): void {
    const dstKind = batch.dstKind(index);
    if (!this.#selection.includesDirectory(parent, batch, index)) {
      if (this.#selection.mayDeleteHidden(parent, batch, index)) this.#takeExtra(parent, batch, [index]);
      return this.#done(parent);
    }
    this.tally.directoriesTotal++;
    if (!this.#selection.claims(parent, batch, index)) return this.#done(parent);
    const conflict = dstKind !== Kind.None && dstKind !== Kind.Directory;
    if (conflict && this.job.verb !== "check") this.#conflicts.replaceByDirectory(parent, batch, index);
    else this.#enter(parent, batch, index);
  }

  /** Where the destination has no directory of that name, it gets one. */
  #enter(parent: DirNode, batch: EntryBatch, index: number): void {
    const fresh = batch.dstKind(index) !== Kind.Directory;
    const onDestination = !this.job.discard && (!this.#readOnly || (!fresh && parent.onDestination));
    const node = new DirNode(this.#nextDir++, parent, "source", onDestination, fresh);
    this.#recent = { node: parent, index };
    if (!fresh || this.job.discard) return this.#list(node, { batch, index }, false);
    batch.retain(); // the engine may be done with the directory when it answers: its name stands here
    this.#list(node, { batch, index }, false, (error) => {
      if (!error) this.#created(() => this.#pathOf(parent, batch, index));
      batch.release();
    });
  }

  #lookAhead(parent: DirNode, batch: EntryBatch, index: number): void {
    if (this.#selection.includesDirectory(parent, batch, index)) this.#readAhead(parent, batch, index);
    else this.#done(parent);
  }

  #readAhead(parent: DirNode, batch: EntryBatch, index: number): void {
    const node = new DirNode(this.#nextDir++, parent, "ahead", false, false);
    this.#list(node, { batch, index }, false);
  }

  #descendExtra(
    parent: DirNode,
    role: Role,
    batch: EntryBatch,
    index: number,
    whenGone?: (gone: boolean) => void,
  ): void {
    const node = new DirNode(this.#nextDir++, parent, role, true, false, whenGone);
    if (role === "count") this.#counting++;
    this.#list(node, { batch, index }, false);
  }

  #created(path: () => string): void {
    this.root.room?.expect(0, 1);
    this.tally.directoriesCreated++;
    this.tally.entry("create", "directory", path);
  }

  // --- coming up ---

  #begin(node: DirNode, batch: EntryBatch, index: number): void {
    this.#recent = { node, batch, index };
    this.#working++;
    node.pending++;
    batch.retain();
  }

  #end(node: DirNode, batch: EntryBatch): void {
    if (this.#recent?.batch === batch) this.#recent = { node, index: 0 };
    this.#working--;
    batch.release();
    this.#done(node);
    this.#pump();
  }

  /** One thing less is pending in the directory. */
  #done(node: DirNode): void {
    this.#answers++;
    if (--node.pending > 0) return;
    if (node.role === "count" && !node.keeps) this.#deletions.count(1);
    if (!this.#deletions.takes(node)) this.#settle(node);
  }

  #settle(node: DirNode): void {
    const single = node.id === 0 && this.placement.entry !== undefined;
    const keepsTimes = single || node.broken || node.role !== "source" || !node.onDestination || this.#readOnly ||
      this.job.discard;
    const moves = this.job.verb === "move" && !this.#readOnly && node.id !== 0;
    if (keepsTimes && !moves && !this.job.fsync && node.id === 0) return this.#finished(node);
    this.engine.settle({
      dir: node.id,
      what: keepsTimes ? "nothing" : "metadata",
      removeSource: moves && !node.broken && node.role === "source",
      drop: node.id !== 0 && !node.pinned,
    }, (answer) => {
      this.tally.lost(answer.lost);
      if (answer.error) this.tally.failure(this.#pathOfDir(node), answer.error);
      this.#finished(node);
    });
  }

  #finished(node: DirNode): void {
    if (node.role === "count") {
      this.#counting--;
      this.#judgeDeletions();
    }
    if (node.parent) this.#done(node.parent);
    else if (!node.broken) this.#removeSource(node);
  }

  #removeSource(root: DirNode): void {
    if (this.job.verb !== "move" || this.#readOnly) return;
    this.root.removeSource?.((error) => {
      if (error) this.tally.failure(this.#pathOfDir(root), error);
    });
  }

  #endScan(): void {
    this.#scanEnded = true;
    const planningMs = performance.now() - this.#startedMs;
    this.tally.scanEnded(planningMs);
    this.tally.setPhase("copying");
    const seconds = planningMs / 1000;
    this.tally.planner(
      `Planning done: ${this.tally.filesTotal} files, ${this.tally.directoriesTotal} directories in ${
        seconds.toFixed(2)
      } s`,
    );
    this.#selection.scanEnded();
    this.#entries.scanEnded();
    this.#judgeDeletions();
  }

  /** Once everything is seen, copied or failed, and counted where that matters. */
  #judgeDeletions(): void {
    const busy = this.#listings + this.#frames.length + this.#counting + this.#working;
    if (this.#scanEnded && busy === 0) this.#deletions.begin(this.#unread || this.#selection.lacksListed);
  }

  // --- names ---

  #pathOfDir(node: DirNode): string {
    return this.engine.pathOf(node.id).slice(0, -1) || ".";
  }

  #pathOf(node: DirNode, batch: EntryBatch, index: number): string {
    return this.engine.pathOf(node.id) + batch.name(index);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
