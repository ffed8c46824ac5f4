/**
 * What mirror deletes, and when.
 *
 * 1. While the scan runs, entries that only the destination has are remembered by directory; such a directory waits before it
 *    settles. Extra directories are not looked into yet, except to count what is in them where --max-delete is given.
 * 2. When everything of the source has settled, all of it could be read, and the number is allowed, the waiting directories are
 *    worked off: extra files go, extra directories are walked and emptied from the inside out. Memory is bounded as in the scan.
 *
 * What must give its place to an entry of another kind is a deletion like any other, and the entry comes after it.
 *
 * `check` and dry runs take the same way and only report.
 */

import { Kind } from "../model/entry.ts";
import type { Job } from "../model/job.ts";
import type { Engine, EntryBatch } from "../native/engine.ts";
import type { DirNode, Extras } from "./dir_node.ts";
import { kindNames } from "./entries.ts";
import type { Tally } from "./tally.ts";

export interface DeletionSurroundings {
  pathOf(node: DirNode, batch: EntryBatch, index: number): string;
  pathOfDir(node: DirNode): string;
  begin(node: DirNode, batch: EntryBatch, index: number): void;
  end(node: DirNode, batch: EntryBatch): void;
  /** Lists these extra directories and deletes them from the inside out; each holds `node` until it is dealt with. */
  walk(node: DirNode, extras: Extras): void;
  /** One thing less is pending in the directory. */
  done(node: DirNode): void;
  /** Nothing more is to be deleted in the directory: it settles, or its number is dropped. */
  settle(node: DirNode): void;
}

export class Deletions {
  readonly #readOnly: boolean;
  readonly #waiting: DirNode[] = [];
  #counted = 0;
  #uncounted = false;
  #verdict: "waiting" | "delete" | "keep" = "waiting";

  constructor(
    private readonly job: Job,
    private readonly engine: Engine,
    private readonly tally: Tally,
    private readonly around: DeletionSurroundings,
  ) {
    this.#readOnly = job.dryRun || job.verb === "check";
  }

  /** Whether extra directories must be counted before anything may go. */
  get counts(): boolean {
    return this.job.verb === "mirror" && this.job.deletion.max !== undefined;
  }

  count(entries: number): void {
    this.#counted += entries;
  }

  /** An extra directory could not be looked into. */
  countedInPart(): void {
    this.#uncounted = true;
  }

  /** Extra entries of a directory that the source has. */
  remember(node: DirNode, batch: EntryBatch, files: readonly number[], directories: readonly number[]): void {
    if (files.length + directories.length === 0) return;
    batch.retain();
    node.extras.push({ batch, files, directories });
    this.count(files.length);
  }

  /** What must go because an entry of another kind is to take its name; `whenGone` says whether it did. */
  makeWay(node: DirNode, batch: EntryBatch, index: number, whenGone: (gone: boolean) => void): void {
    batch.retain(); // for the deletion
    batch.retain(); // for what comes after it
    const directory = batch.dstKind(index) === Kind.Directory;
    const [files, directories] = directory ? [[], [index]] : [[index], []];
    const then = (gone: boolean) => {
      whenGone(gone);
      batch.release();
    };
    node.extras.push({ batch, files, directories, whenGone: then });
    this.count(files.length);
  }

  /** Whether the directory, with nothing else pending, is in the hands of the deletions. */
  takes(node: DirNode): boolean {
    if (node.role === "extra") {
      this.#emptied(node);
      return true;
    }
    if (node.extras.length === 0) return false;
    if (this.#verdict === "waiting") this.#waiting.push(node);
    else this.#workOff(node);
    return true;
  }

  /** The scan ended, everything of the source has settled, and everything is counted. */
  begin(unread: boolean): void {
    if (this.#verdict !== "waiting") return;
    this.#verdict = this.#judge(unread) ? "delete" : "keep";
    if (this.#waiting.length > 0 && this.#verdict === "delete") this.tally.setPhase("deleting");
    for (const node of this.#waiting.splice(0)) this.#workOff(node);
  }

  #judge(unread: boolean): boolean {
    if (this.job.verb !== "mirror") return true;
    if (unread) {
      this.tally.notice("delete", "nothing was deleted: the source could not be read completely");
      return false;
    }
    if (this.tally.full) {
      this.tally.notice("delete", "nothing was deleted: not everything could be copied");
      return false;
    }
    const max = this.job.deletion.max;
    if (max === undefined || (this.#counted <= max && !this.#uncounted)) return true;
    const message = this.#counted <= max
      ? `Cannot delete: not all of it could be counted, as --max-delete ${max} demands, nothing was deleted`
      : `Cannot delete ${this.#counted} entries: more than --max-delete ${max} allows, nothing was deleted`;
    this.tally.failure(".", { code: "max_delete", message });
    return false;
  }

  #workOff(node: DirNode): void {
    node.pending++; // until everything is handed out
    for (const extras of node.extras.splice(0)) {
      if (this.#verdict === "keep") extras.whenGone?.(false);
      else {
        if (extras.files.length > 0) this.remove(node, extras.batch, extras.files, extras.whenGone);
        if (extras.directories.length > 0) this.around.walk(node, extras);
      }
      extras.batch.release();
    }
    this.around.done(node);
  }

  /** Deletes non-directories. */
  remove(node: DirNode, batch: EntryBatch, files: readonly number[], whenGone?: (gone: boolean) => void): void {
    if (this.#readOnly) {
      for (const index of files) this.#deleted(node, batch, index);
      return whenGone?.(true);
    }
    this.around.begin(node, batch, files[0]);
    this.engine.remove(node.id, batch, files, (answer) => {
      const failed = new Map(answer.details.map((detail) => [detail.index, detail]));
      for (const index of files) {
        const detail = failed.get(index);
        if (detail?.is === "failed") this.tally.failure(this.around.pathOf(node, batch, index), detail.error);
        else this.#deleted(node, batch, index);
      }
      whenGone?.(failed.size === 0);
      this.around.end(node, batch);
    });
  }

  #deleted(node: DirNode, batch: EntryBatch, index: number): void {
    this.tally.filesDeleted++;
    this.tally.entry("delete", kindNames[batch.dstKind(index)], () => this.around.pathOf(node, batch, index));
  }

  #emptied(node: DirNode): void {
    if (node.keeps || node.broken) {
      node.whenGone?.(false);
      return this.around.settle(node);
    }
    // The path is asked for first: the number is dropped with the directory.
    const path = this.around.pathOfDir(node);
    const gone = () => {
      this.tally.directoriesDeleted++;
      this.tally.entry("delete", "directory", () => path);
      node.whenGone?.(true);
      this.around.done(node.parent!);
    };
    if (this.#readOnly) {
      return this.engine.settle({ dir: node.id, what: "nothing", removeSource: false, drop: true }, gone);
    }
    this.engine.settle({ dir: node.id, what: "remove", removeSource: false, drop: true }, (answer) => {
      if (!answer.error) return gone();
      this.tally.failure(path, answer.error);
      node.whenGone?.(false);
      this.around.done(node.parent!);
    });
  }
}
