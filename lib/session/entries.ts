/**
 * Carries out decisions on non-directories and keeps the score of each: batches of small files at once, large files by ranges,
 * further names of an inode as links. In a dry run nothing is carried out and the score is the same.
 */

import type { Change, EntryKind } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import { Diff, Kind } from "../model/entry.ts";
import {
  Action,
  type ApplyAnswer,
  type ApplyRequest,
  type Detail,
  type Engine,
  type EngineError,
  type EntryBatch,
} from "../native/engine.ts";
import { decide, type Decision } from "../plan/decide.ts";
import type { DirNode } from "./dir_node.ts";
import { HardLinks, type LinkName, type LinkTarget } from "./hard_links.ts";
import { LARGE_BYTES, LargeFiles } from "./large_files.ts";
import type { Planner } from "./planner.ts";
import type { Room } from "./room.ts";
import type { Tally } from "./tally.ts";

export const kindNames: readonly EntryKind[] = [
  "file",
  "file",
  "symlink",
  "fifo",
  "socket",
  "char_device",
  "block_device",
  "directory",
];

const folded: EngineError = {
  code: "folded",
  message: "Cannot create: the file system takes the name for that of another entry, which is there already",
};

/** A file with as many names as its file system allows, or a file system without hard links. */
const noRoomForLink: ReadonlySet<string> = new Set(["EMLINK", "EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS"]);

/** For a file with one name in the source. */
const ALONE = "";

const METADATA = Diff.Mtime | Diff.Mode | Diff.Owner | Diff.Xattr;

interface Planned {
  readonly index: number;
  readonly action: Action;
  readonly decision: Decision;
}

/** Where an entry stands. */
export interface Place {
  readonly node: DirNode;
  readonly batch: EntryBatch;
  readonly index: number;
}

/** What the entries need from the run around them. */
export interface Surroundings {
  /** The directory, and the batch, are needed for one more piece of work; `index` is an entry it concerns. */
  begin(node: DirNode, batch: EntryBatch, index: number): void;
  /** A piece is done. */
  end(node: DirNode, batch: EntryBatch): void;
  pathOf(node: DirNode, batch: EntryBatch, index: number): string;
  /** Something of the source could not be looked at, opened or read. */
  sourceUnreadable(): void;
  /** A directory stands where the entry is to be. Takes over, the entry is done by the time it says so. */
  conflict(node: DirNode, batch: EntryBatch, index: number): void;
}

export class Entries {
  readonly #links: HardLinks;
  readonly #largeUnderWay = new Set<Place>();
  /** Inodes of the destination with several names, and the source's file that each stays for: no other may share it. */
  readonly #taken = new Map<string, string>();
  /** Move: sources with several names, to be removed when the scan has seen them all. Undefined once it has. */
  #linkedSources: LinkName[] | undefined = [];
  readonly #large: LargeFiles;
  readonly #readOnly: boolean;
  #scanEnded = false;
  /** Entries whose content is being compared. */
  #comparing = 0;

  constructor(
    private readonly job: Job,
    private readonly engine: Engine,
    private readonly tally: Tally,
    private readonly around: Surroundings,
    private readonly planner: Planner,
    private readonly root: {
      readonly workers: number;
      readonly rangeBytes: number;
      readonly room?: Room;
      readonly alone: boolean;
      /** Nothing was there before this run. */
      readonly fresh: boolean;
    },
  ) {
    this.#readOnly = job.dryRun || job.verb === "check";
    this.#large = new LargeFiles(engine, root.workers, root.rangeBytes, (bits) => tally.lost(bits));
    this.#links = new HardLinks({
      first: (name, settled) => this.#first(name, settled),
      further: (name, target, renewed, full) => this.#further(name, target, renewed, full),
    }, !root.fresh);
  }

  /** The large file that has been under way for longest. */
  get largeUnderWay(): Place | undefined {
    return this.#largeUnderWay.values().next().value;
  }

  /** A run of entries of which the destination has none. */
  makeRun(node: DirNode, batch: EntryBatch, first: number, count: number): void {
    const { tally } = this;
    tally.filesTotal += count;
    this.planner.classify(count);
    for (let i = first; tally.itemize && i < first + count; i++) this.#expect(batch, i, "make");
    this.#handOn(node, batch, { first, count }, count, (answer) => {
      const exceptions = this.#made(node, batch, answer);
      if (tally.itemize) {
        for (let i = first; i < first + count; i++) {
          if (!exceptions.has(i)) this.#emit("create", node, batch, i);
        }
      }
    });
  }

  /** Entries that the engine made while it listed them. `batch` is there unless all of them were simply done. */
  taken(node: DirNode, batch: EntryBatch | undefined, answer: ApplyAnswer & { readonly count: number }): void {
    this.tally.filesTotal += answer.count;
    this.planner.classify(answer.count);
    this.#made(node, batch, answer);
  }

  /** Returns the entries that were not simply done; they are in good hands. */
  #made(node: DirNode, batch: EntryBatch | undefined, answer: ApplyAnswer): Set<number> {
    const { tally } = this;
    tally.lost(answer.lost);
    tally.filesCopied += answer.done;
    if (this.job.verb === "move") tally.filesRemoved += answer.done;
    this.#countBytes(answer.bytes);
    const exceptions = new Set<number>();
    for (const detail of answer.details) {
      exceptions.add(detail.index);
      this.#exception(node, batch!, detail, "make");
    }
    return exceptions;
  }

  /** One entry whose place was taken by a directory that is gone now. */
  makeAfterAll(node: DirNode, batch: EntryBatch, index: number): void {
    const planned: Planned[] = [];
    this.#route(node, batch, index, "make", planned);
    if (planned.length > 0) this.#apply(node, batch, planned);
  }

  /**
   * Sees whether files of the source can be opened, and symlinks come in the place of a directory; what cannot be is a failure.
   * `done`: whether all can.
   */
  probe(node: DirNode, batch: EntryBatch, indices: readonly number[], done: (readable: boolean) => void): void {
    const entries = indices
      .filter((index) => batch.kind(index) === Kind.File || leadsAway(batch, index))
      .map((index) => ({ index, action: Action.Probe }));
    if (entries.length === 0) return done(true);
    this.#handOn(node, batch, entries, entries.length, ({ details }) => {
      const failed = details.filter((detail) => detail.is === "failed");
      for (const { index, error } of failed) this.#failed(node, batch, index, error);
      done(failed.length === 0);
    });
  }

  /** Every name of a linked file is known once the scan has ended and each content that was to be compared is. */
  #judgeLinks(): void {
    if (this.#scanEnded && this.#comparing === 0) this.#links.allKnown();
  }

  #failed(node: DirNode, batch: EntryBatch, index: number, error: EngineError): void {
    if (error.unread) this.around.sourceUnreadable();
    this.tally.failure(this.around.pathOf(node, batch, index), error);
  }

  /**
   * The scan has seen every name. Of a move's sources those with several may go now, those still under way as soon as they are
   * settled.
   */
  scanEnded(): void {
    this.#scanEnded = true;
    this.#judgeLinks();
    const names = this.#linkedSources ?? [];
    this.#linkedSources = undefined;
    for (const name of names) this.#forget(name);
  }

  /** Decides on each of these entries and carries the decisions out. */
  plan(node: DirNode, batch: EntryBatch, indices: Iterable<number>): void {
    const planned: Planned[] = [];
    for (const index of indices) {
      this.tally.filesTotal++;
      this.planner.classify(1);
      const decision = this.#decide(batch, index);
      if (batch.diff(index) & Diff.Folded && (this.job.sources.length !== 1 || this.job.verb === "move")) {
        // It may be what another source of this job has made, or the source itself.
        this.#failed(node, batch, index, folded);
        continue;
      }
      if (decision === undefined) this.#unreadable(node, batch, index);
      else this.#route(node, batch, index, decision, planned);
    }
    if (planned.length > 0) this.#apply(node, batch, planned);
  }

  #decide(batch: EntryBatch, index: number): Decision | undefined {
    const diff = batch.diff(index);
    if (diff & Diff.Error) return undefined;
    return this.#apart(batch, index, decide(batch.kind(index), batch.dstKind(index), diff, this.job));
  }

  /** An inode of the destination stays for one file of the source, whatever names that has; the next one gets an inode of its own. */
  #apart(batch: EntryBatch, index: number, decision: Decision): Decision {
    if (decision !== "unchanged" && decision !== "metadata") return decision;
    const there = batch.destinationInode(index);
    if (there === undefined) return decision;
    const alone = batch.diff(index) & Diff.DestinationLinked;
    const holder = this.#taken.get(there);
    if (holder !== undefined && (alone || holder !== batch.inode(index))) return "replace";
    this.#taken.set(there, alone ? ALONE : batch.inode(index));
    return decision;
  }

  #unreadable(node: DirNode, batch: EntryBatch, index: number): void {
    this.#failed(node, batch, index, batch.error(index));
  }

  #route(node: DirNode, batch: EntryBatch, index: number, decision: Decision, planned: Planned[]): void {
    if (decision === "skip") return this.#unchanged(node, batch, index);
    if (decision === "conflict") return this.around.conflict(node, batch, index);
    if (decision === "content") {
      this.#comparing++;
      return void planned.push({ index, action: Action.Content, decision });
    }
    this.#expect(batch, index, decision);
    const known = batch.known(index);
    if (known && batch.kind(index) === Kind.File && batch.nlink(index) > 1) {
      return this.#linked(node, batch, index, decision);
    }
    if (this.#readOnly) return this.#foresee(node, batch, index, decision, planned);
    if (known && batch.size(index) >= LARGE_BYTES && writesContent(batch, index, decision)) {
      return this.#copyLarge(node, batch, index, decision, batch.size(index), batch.allocated(index));
    }
    const action = actionOf(decision, this.job.verb === "move");
    if (action === undefined) this.#unchanged(node, batch, index);
    else planned.push({ index, action, decision });
  }

  /** A dry run opens what would be copied, and looks where symlinks lead, no more: what would fail is to be said. */
  #foresee(node: DirNode, batch: EntryBatch, index: number, decision: Decision, planned: Planned[]): void {
    if (this.#probes(batch, index, decision)) planned.push({ index, action: Action.Probe, decision });
    else this.#settled(node, batch, index, decision, sizeOf(batch, index));
  }

  #probes(batch: EntryBatch, index: number, decision: Decision): boolean {
    return this.job.dryRun && this.job.verb !== "check" &&
      (writesContent(batch, index, decision) || (decision === "replace" && leadsAway(batch, index)));
  }

  /** After the content of both sides was compared. */
  #compared(node: DirNode, batch: EntryBatch, index: number, same: boolean): void {
    const decision = !same ? "replace" : batch.diff(index) & METADATA ? "metadata" : "unchanged";
    const planned: Planned[] = [];
    this.#route(node, batch, index, this.#apart(batch, index, decision), planned);
    if (planned.length > 0) this.#apply(node, batch, planned);
  }

  #apply(node: DirNode, batch: EntryBatch, planned: readonly Planned[]): void {
    this.#handOn(node, batch, planned, planned.length, (answer) => {
      this.tally.lost(answer.lost);
      const exceptions = new Map(answer.details.map((detail) => [detail.index, detail]));
      this.#countBytes(answer.bytes);
      for (const { index, decision } of planned) {
        const detail = exceptions.get(index);
        if (detail) this.#exception(node, batch, detail, decision);
        else this.#settled(node, batch, index, decision, this.#readOnly ? sizeOf(batch, index) : 0);
        if (decision === "content") this.#comparing--;
      }
      this.#judgeLinks();
    });
  }

  /** Lets the planner submit the work when it is time; the directory waits for it. */
  #handOn(
    node: DirNode,
    batch: EntryBatch,
    entries: ApplyRequest["entries"],
    count: number,
    done: (answer: ApplyAnswer) => void,
  ): void {
    this.around.begin(node, batch, "first" in entries ? entries.first : entries[0].index);
    const finish = (answer: ApplyAnswer) => {
      this.planner.finished(count);
      done(answer);
      this.around.end(node, batch);
    };
    this.planner.add({
      entries: count,
      submit: () => {
        if (this.tally.full) return finish(noneDone(entries, this.tally.full));
        this.engine.apply({ dir: node.id, batch, entries, takeLinked: false }, finish);
      },
    });
  }

  /** What a new file takes, as far as that is known before it is opened. A large one is told when it is begun. */
  #expect(batch: EntryBatch, index: number, decision: Decision): void {
    const { room } = this.root;
    if (!room || !batch.known(index) || batch.nlink(index) > 1) return;
    // A large file that is replaced stands beside the old one for a while; where it is not the only one, others may make room for it.
    const beside = this.root.alone && decision === "replace" && batch.size(index) >= LARGE_BYTES;
    if (decision !== "make" && !beside) return;
    if (batch.size(index) >= LARGE_BYTES && !this.#readOnly) return;
    room.expect(Math.min(sizeOf(batch, index), batch.allocated(index)), 1);
  }

  #exception(node: DirNode, batch: EntryBatch, detail: Detail, decision: Decision): void {
    const { index } = detail;
    switch (detail.is) {
      case "failed":
        return this.#failed(node, batch, index, detail.error);
      case "large":
        return this.#copyLarge(node, batch, index, decision, detail.size, detail.allocated);
      case "linked":
        return this.#linked(node, batch, index, decision, detail.inode);
      case "same":
        if (this.#probes(batch, index, decision)) {
          return this.#settled(node, batch, index, decision, sizeOf(batch, index));
        }
        return this.#compared(node, batch, index, true);
      case "different":
        return this.#compared(node, batch, index, false);
    }
  }

  #copyLarge(
    node: DirNode,
    batch: EntryBatch,
    index: number,
    decision: Decision,
    announced: number,
    allocated: number,
    then?: (ok: boolean) => void,
  ): void {
    const { room } = this.root;
    if (decision === "make" || this.root.alone) room?.expect(Math.min(announced, allocated), 1);
    if (room?.shortage) return this.around.begin(node, batch, index); // the run ends with this round
    const file = { node, batch, index };
    this.#largeUnderWay.add(file);
    this.tally.pendingLargeBytes += announced;
    this.around.begin(node, batch, index);
    this.#large.copy(node, batch, index, (error, size) => {
      this.#largeUnderWay.delete(file);
      this.tally.pendingLargeBytes -= announced;
      if (error) this.#failed(node, batch, index, error);
      else {
        this.#countBytes(size);
        this.#settled(node, batch, index, decision, 0, then !== undefined);
      }
      then?.(error === undefined || error.placed === true);
      this.around.end(node, batch);
    });
  }

  #linked(node: DirNode, batch: EntryBatch, index: number, decision: Decision, inode = batch.inode(index)): void {
    this.around.begin(node, batch, index);
    this.#links.add(inode, { node, batch, index, decision });
  }

  /** The first name of an inode, by its own decision; it is not asked again whether it has further names. */
  #first(name: LinkName, settled: (ok: boolean) => void): void {
    const { node, batch, index, decision } = name;
    const finish = (error: EngineError | undefined, size: number) => {
      if (error) this.#failed(node, batch, index, error);
      else this.#settled(node, batch, index, decision, size, true);
      settled(error === undefined || error.placed === true);
      this.#linkedDone(name, error === undefined);
    };
    const action = this.#probes(batch, index, decision) ? Action.Probe : actionOf(decision, false);
    if ((this.#readOnly && action !== Action.Probe) || action === undefined) {
      return finish(undefined, sizeOf(batch, index));
    }
    this.engine.apply({ dir: node.id, batch, entries: [{ index, action }], takeLinked: true }, (answer) => {
      this.tally.lost(answer.lost);
      const detail = answer.details[0];
      if (detail?.is === "large") {
        return this.#copyLarge(node, batch, index, decision, detail.size, detail.allocated, (ok) => {
          settled(ok);
          this.#linkedDone(name, ok);
        });
      }
      this.#countBytes(answer.bytes);
      finish(detail?.is === "failed" ? detail.error : undefined, this.#readOnly ? sizeOf(batch, index) : 0);
    });
  }

  #further(name: LinkName, target: LinkTarget, renewed: boolean, full: () => void): void {
    const { node, batch, index } = name;
    const finish = (same: boolean) => {
      if (same) this.tally.filesUnchanged++;
      else {
        this.tally.filesCopied++;
        this.#emit("link", node, batch, index);
      }
      this.#linkedDone(name, true);
    };
    const certain = renewed || batch.dstKind(index) === Kind.None;
    if (this.job.discard || (this.#readOnly && certain)) return finish(false);
    this.engine.link({ dir: node.id, batch, index, target }, (answer) => {
      if (!answer.error) return finish(answer.same);
      if (noRoomForLink.has(answer.error.code)) {
        this.tally.notice(
          "links",
          "the destination cannot hold some hard links: their names became files of their own",
        );
        return full();
      }
      this.tally.failure(this.around.pathOf(node, batch, index), answer.error);
      this.#linkedDone(name, false);
    });
  }

  /** A name of a linked source is done with; in a move its source goes once the scan cannot miss it any more. */
  #linkedDone(name: LinkName, ok: boolean): void {
    const { node, batch } = name;
    if (ok && this.job.verb === "move" && this.#readOnly) this.tally.filesRemoved++;
    if (!ok || this.job.verb !== "move" || this.#readOnly) this.around.end(node, batch);
    else if (this.#linkedSources) this.#linkedSources.push(name);
    else this.#forget(name);
  }

  #forget(name: LinkName): void {
    const { node, batch, index } = name;
    const entries = [{ index, action: Action.Forget }];
    this.engine.apply({ dir: node.id, batch, entries, takeLinked: true }, ({ details: [detail] }) => {
      if (detail?.is === "failed") this.tally.failure(this.around.pathOf(node, batch, index), detail.error);
      else this.tally.filesRemoved++;
      this.around.end(node, batch);
    });
  }

  #countBytes(bytes: number): void {
    this.tally.bytesCopied += bytes;
    this.tally.bytesTotal += bytes;
  }

  #unchanged(node: DirNode, batch: EntryBatch, index: number): void {
    this.tally.filesUnchanged++;
    this.tally.bytesTotal += sizeOf(batch, index);
    this.#emit("unchanged", node, batch, index);
  }

  /**
   * Scores a decision that was carried out. `size` counts where the engine did not count the bytes; `linked`: its source has further names
   * and goes later.
   */
  #settled(
    node: DirNode,
    batch: EntryBatch,
    index: number,
    decision: Decision,
    size: number,
    linked = false,
  ): void {
    if (this.job.verb === "move" && !linked) this.tally.filesRemoved++;
    if (decision === "unchanged") return this.#unchanged(node, batch, index);
    this.tally.filesCopied++;
    if (decision === "metadata") {
      this.tally.filesMetadataOnly++;
      this.tally.bytesTotal += sizeOf(batch, index);
    } else {
      this.#countBytes(size);
    }
    this.#emit(changeOf(decision), node, batch, index);
  }

  #emit(change: Change, node: DirNode, batch: EntryBatch, index: number): void {
    const size = batch.known(index) && batch.kind(index) === Kind.File ? batch.size(index) : undefined;
    this.tally.entry(change, kindNames[batch.kind(index)], () => this.around.pathOf(node, batch, index), size);
  }
}

/** For what is not even begun. */
function noneDone(entries: ApplyRequest["entries"], error: EngineError): ApplyAnswer {
  const indices = "first" in entries
    ? Array.from({ length: entries.count }, (_, i) => entries.first + i)
    : entries.map(({ index }) => index);
  return { lost: 0, done: 0, bytes: 0, details: indices.map((index) => ({ index, is: "failed", error })) };
}

function actionOf(decision: Decision, moves: boolean): Action | undefined {
  switch (decision) {
    case "make":
      return Action.Make;
    case "replace":
      return Action.Replace;
    case "metadata":
      return Action.Metadata;
    default:
      return moves ? Action.Forget : undefined;
  }
}

function changeOf(decision: Decision): Change {
  return decision === "make" ? "create" : decision === "metadata" ? "metadata" : "replace";
}

/** A symlink that would come in the place of something else: of what it leads to, perhaps. */
function leadsAway(batch: EntryBatch, index: number): boolean {
  const there = batch.dstKind(index);
  return batch.kind(index) === Kind.Symlink && there !== Kind.None && there !== Kind.Symlink;
}

function writesContent(batch: EntryBatch, index: number, decision: Decision): boolean {
  return batch.kind(index) === Kind.File && (decision === "make" || decision === "replace");
}

/** Bytes of content; only regular files have any. */
function sizeOf(batch: EntryBatch, index: number): number {
  return batch.kind(index) === Kind.File && batch.known(index) ? batch.size(index) : 0;
}
