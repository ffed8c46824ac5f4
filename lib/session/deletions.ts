/**
 * What mirror deletes, and when: everything that only the destination has is collected while the scan runs, and goes only after
 * the source was read to its end without an error and the number is within --max-delete. Directories that hold such entries
 * wait for that and settle afterwards. `check` and dry runs only count and report.
 */

import type { Job } from "../model/job.ts";
import type { Engine, EntryBatch } from "../native/engine.ts";
import type { DirNode } from "./dir_node.ts";
import { kindNames } from "./entries.ts";
import type { Tally } from "./tally.ts";

export interface DeletionSurroundings {
  pathOf(node: DirNode, batch: EntryBatch, index: number): string;
  pathOfDir(node: DirNode): string;
  /** The directory stays; its own metadata is next. */
  settle(node: DirNode): void;
  /** The directory is dealt with. */
  gone(node: DirNode): void;
}

type Verdict = "waiting" | "delete" | "keep";

export class Deletions {
  readonly #readOnly: boolean;
  readonly #parked: DirNode[] = [];
  readonly #extraDirs: DirNode[] = [];
  #files = 0;
  #verdict: Verdict = "waiting";

  constructor(
    private readonly job: Job,
    private readonly engine: Engine,
    private readonly tally: Tally,
    private readonly around: DeletionSurroundings,
  ) {
    this.#readOnly = job.dryRun || job.verb === "check";
  }

  /** Entries of a directory that are to go. */
  remember(node: DirNode, batch: EntryBatch, indices: readonly number[]): void {
    batch.retain();
    node.extras.push({ batch, indices });
    this.#files += indices.length;
  }

  /** A directory that is to go, when everything below it may. */
  expect(node: DirNode): void {
    this.#extraDirs.push(node);
  }

  /** Whether the directory, with nothing else pending, is now in the hands of the deletions. */
  takes(node: DirNode): boolean {
    if (!node.extra && node.extras.length === 0) return false;
    if (this.#verdict === "waiting") this.#parked.push(node);
    else this.#carryOut(node);
    return true;
  }

  /** The scan ended. */
  begin(scanFailed: boolean): void {
    const directories = this.#extraDirs.filter((node) => !node.keeps).length;
    this.#verdict = this.#judge(this.#files + directories, scanFailed) ? "delete" : "keep";
    if (this.#parked.length > 0 && this.#verdict === "delete") this.tally.setPhase("deleting");
    for (const node of this.#parked.splice(0)) this.#carryOut(node);
  }

  #judge(count: number, scanFailed: boolean): boolean {
    if (count === 0 || this.job.verb === "check") return true;
    if (scanFailed) {
      this.tally.notice(
        "delete",
        `nothing was deleted: the source could not be read completely (${count} entries stay)`,
      );
      return false;
    }
    const max = this.job.deletion.max;
    if (max === undefined || count <= max) return true;
    this.tally.failure(".", {
      code: "max_delete",
      message: `Cannot delete ${count} entries: more than --max-delete ${max} allows, nothing was deleted`,
    });
    return false;
  }

  #carryOut(node: DirNode): void {
    const extras = node.extras.splice(0);
    const next = () => {
      const extra = extras.shift();
      if (!extra) return this.#emptied(node);
      const { batch, indices } = extra;
      const finish = () => {
        batch.release();
        next();
      };
      if (this.#verdict === "keep") return finish();
      if (this.#readOnly) {
        for (const index of indices) this.#deleted(node, batch, index);
        return finish();
      }
      this.engine.remove(node.id, batch, indices, (answer) => {
        const failed = new Map(answer.details.map((detail) => [detail.index, detail]));
        for (const index of indices) {
          const detail = failed.get(index);
          if (detail?.is === "failed") this.tally.failure(this.around.pathOf(node, batch, index), detail.error);
          else this.#deleted(node, batch, index);
        }
        finish();
      });
    };
    next();
  }

  #deleted(node: DirNode, batch: EntryBatch, index: number): void {
    this.tally.filesDeleted++;
    this.tally.entry("delete", kindNames[batch.dstKind(index)], () => this.around.pathOf(node, batch, index));
  }

  #emptied(node: DirNode): void {
    if (!node.extra) return this.around.settle(node);
    if (this.#verdict === "keep" || node.keeps || node.broken) {
      node.whenGone?.(false);
      return this.around.settle(node);
    }
    const path = this.tally.itemize ? this.around.pathOfDir(node) : "";
    const gone = () => {
      this.tally.directoriesDeleted++;
      this.tally.entry("delete", "directory", () => path);
      node.whenGone?.(true);
      this.around.gone(node);
    };
    if (this.#readOnly) return gone();
    // The path is asked for first: the number is dropped with the directory.
    const name = this.around.pathOfDir(node);
    this.engine.settle({ dir: node.id, what: "remove", removeSource: false, drop: !node.pinned }, (answer) => {
      if (!answer.error) return gone();
      this.tally.failure(name, answer.error);
      node.whenGone?.(false);
      this.around.gone(node);
    });
  }
}
