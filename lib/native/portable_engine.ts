/**
 * Engine by Deno's own calls: for machines where the shim cannot be built. Slower, and it keeps less: no extended attributes
 * and ACLs, no special files, times in whole milliseconds, no names that are not UTF-8. What cannot be done is answered as such.
 *
 * Requests become work for the lanes of portable_queue.ts; answers wait in a list for `drain`.
 */

import { BlitError } from "../base/errors.ts";
import {
  Action,
  type Answer,
  type ApplyAnswer,
  type ApplyRequest,
  type Counters,
  type Detail,
  type Engine,
  type EngineConfig,
  type EntryBatch,
  type LargeAnswer,
  type LinkAnswer,
  type LinkRequest,
  type ListAnswer,
  type ListRequest,
  type SettleRequest,
} from "./engine.ts";
import { applyEntry } from "./portable_apply.ts";
import type { Row, RowBatch } from "./portable_batch.ts";
import { Context } from "./portable_context.ts";
import { deleteEntry } from "./portable_delete.ts";
import { canAnchor, type Directory } from "./portable_dirs.ts";
import { readOnlyError, Step } from "./portable_error.ts";
import { LargeFiles } from "./portable_large.ts";
import { linkEntry } from "./portable_link.ts";
import { listDirectory } from "./portable_list.ts";
import { type Lane, WorkQueue } from "./portable_queue.ts";
import { settlesWithin } from "./patience.ts";
import { settleDirectory } from "./portable_settle.ts";

/** A lane mostly waits for the system: several for each worker keep it busy. They share its buffer, down to a size. */
const LANES_PER_WORKER = 4;
const LANE_BUFFER_MIN_BYTES = 256 << 10;

/** Longest wait for an answer. */
const WAIT_MAX_MS = 1000;

/**
 * Raises BlitError (failed) when a root cannot be opened.
 *
 * @param anchored Reach entries through descriptors instead of paths; only where `canAnchor`.
 */
export function openPortableEngine(config: EngineConfig, anchored: boolean = canAnchor()): Engine {
  return new PortableEngine(new Context(config, anchored));
}

class PortableEngine implements Engine {
  readonly #queue: WorkQueue;
  readonly #larges: LargeFiles;
  readonly #answers: (() => void)[] = [];
  #open = 0;
  #wake = () => {};

  constructor(private readonly context: Context) {
    const { workers, bufferBytes } = context.config;
    const laneBytes = Math.max(Math.floor(bufferBytes / LANES_PER_WORKER), LANE_BUFFER_MIN_BYTES);
    this.#queue = new WorkQueue(workers * LANES_PER_WORKER, laneBytes);
    this.#larges = new LargeFiles(context);
  }

  list(request: ListRequest, done: (answer: ListAnswer) => void): void {
    const { context } = this;
    if (request.make) this.#mayChange();
    const directory = request.dir === 0 || request.more ? context.directories.get(request.dir) : this.#add(request);
    this.#submit(true, () => listDirectory(context, request, directory), done);
  }

  #add({ dir, parent }: ListRequest): Directory {
    if (!parent) throw new RangeError(`Nobody says where directory ${dir} is`);
    const { name, broken, twin } = rowOf(parent.batch, parent.index);
    return this.context.directories.add(dir, parent.dir, name, broken, twin);
  }

  apply(request: ApplyRequest, done: (answer: ApplyAnswer) => void): void {
    const { context } = this;
    const { batch, entries, takeLinked } = request;
    const directory = context.directories.get(request.dir);
    const run = "first" in entries;
    let bytes = 0;
    let lost = 0;
    this.#submitShared(run ? entries.count : entries.length, async (lane, i) => {
      const { index, action } = run ? { index: entries.first + i, action: Action.Make } : entries[i];
      const task = { directory, row: rowOf(batch, index), index, action, takeLinked };
      const outcome = await applyEntry(context, lane, task);
      bytes += outcome.bytes;
      lost |= outcome.lost;
      return outcome.detail;
    }, (done_, details) => done({ done: done_, bytes, lost, details }));
  }

  remove(dir: number, batch: EntryBatch, indices: readonly number[], done: (answer: ApplyAnswer) => void): void {
    const { context } = this;
    this.#mayChange();
    const directory = context.directories.get(dir);
    this.#submitShared(
      indices.length,
      (lane, i) => deleteEntry(context, lane, directory, rowOf(batch, indices[i]), indices[i]),
      (done_, details) => done({ done: done_, bytes: 0, lost: 0, details }),
    );
  }

  openLarge(dir: number, batch: EntryBatch, index: number, done: (answer: LargeAnswer) => void): void {
    this.#mayChange();
    const directory = this.context.directories.get(dir);
    this.#submit(true, () => this.#larges.open(directory, rowOf(batch, index)), done);
  }

  copyRange(_dir: number, handle: bigint, offset: number, length: number, done: (answer: Answer) => void): void {
    this.#submit(false, (lane) => this.#larges.range(lane, handle, offset, length), done);
  }

  finishLarge(_dir: number, handle: bigint, commit: boolean, done: (answer: Answer) => void): void {
    this.#submit(true, (lane) => this.#larges.finish(lane, handle, commit), done);
  }

  link(request: LinkRequest, done: (answer: LinkAnswer) => void): void {
    const { context } = this;
    const task = {
      directory: context.directories.get(request.dir),
      row: rowOf(request.batch, request.index),
      targetDirectory: context.directories.get(request.target.dir),
      targetName: request.target.name,
    };
    this.#submit(false, (lane) => linkEntry(context, lane, task), done);
  }

  settle(request: SettleRequest, done: (answer: Answer) => void): void {
    const { context } = this;
    if (request.what !== "nothing" || request.removeSource) this.#mayChange();
    const directory = context.directories.get(request.dir);
    this.#submit(true, () => settleDirectory(context, request, directory), (answer) => {
      // Not before: whoever has not got the answer may still ask for the path.
      if (request.drop && !answer.error) context.directories.drop(directory);
      done(answer);
    });
  }

  /** Raises BlitError (failed) where nothing is to be changed; `apply` and `link` look for themselves. */
  #mayChange(): void {
    if (this.context.config.readOnly) throw new BlitError("failed", readOnlyError().message);
  }

  pathOf(dir: number): string {
    return this.context.directories.pathOf(dir);
  }

  stands(dir: number, done: (stands: boolean) => void): void {
    const { directories } = this.context;
    const directory = directories.get(dir);
    const look = () => {
      try {
        directories.refuseGone(Step.Write, directory);
        return Promise.resolve(true);
      } catch {
        return Promise.resolve(false);
      }
    };
    this.#submit(true, look, done);
  }

  progress(): Counters {
    const { bytesByMethod, files, bytesMoved, pauses, sizes } = this.context;
    // Where the time goes is not measured here: asynchronous calls overlap.
    return {
      bytesByMethod: { ...bytesByMethod },
      files,
      bytesMoved,
      idleMs: 0,
      sourceMs: 0,
      destinationMs: 0,
      ticks: files + pauses,
      sizes,
    };
  }

  /** Lanes wait for the system, not for a core: how many there are makes no difference here. */
  activate(_workers: number): void {}

  async drain(round: () => number = () => WAIT_MAX_MS): Promise<void> {
    for (;;) {
      for (let answers = this.#answers.splice(0); answers.length > 0; answers = this.#answers.splice(0)) {
        for (const answer of answers) {
          if (this.context.stopped) return;
          this.#open--;
          answer();
        }
      }
      const waitMs = round();
      if (this.#open === 0 || this.context.stopped) return;
      if (this.#answers.length === 0) await this.#woken(Math.min(waitMs, WAIT_MAX_MS));
    }
  }

  /** Resolves when an answer is there, and at the latest after that time. */
  async #woken(waitMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, waitMs);
    });
    clearTimeout(timer);
  }

  stop(): void {
    this.context.stopped = true;
    this.#queue.stop();
    this.#wake();
  }

  async close(patienceMs?: number): Promise<boolean> {
    const closed = this.#queue.close();
    if (patienceMs !== undefined && !await settlesWithin(closed, patienceMs)) return false;
    await closed;
    await this.#larges.giveUpAll();
    this.context.directories.closeAll();
    return true;
  }

  #submit<T>(urgent: boolean, work: (lane: Lane) => Promise<T>, done: (answer: T) => void): void {
    this.#open++;
    const run = async (lane: Lane) => {
      const answer = await work(lane);
      this.#answer(() => done(answer));
    };
    this.#queue.add({ count: 1, run }, urgent);
  }

  /** @param work Does one entry; what it answers is a detail of the whole, undefined: it was simply done. */
  #submitShared(
    count: number,
    work: (lane: Lane, i: number) => Promise<Detail | undefined>,
    done: (done: number, details: readonly Detail[]) => void,
  ): void {
    this.#open++;
    const details: Detail[] = [];
    let left = count;
    if (count === 0) return this.#answer(() => done(0, details));
    const run = async (lane: Lane, i: number) => {
      const detail = await work(lane, i);
      if (detail) details.push(detail);
      if (--left === 0) this.#answer(() => done(count - details.length, details));
    };
    this.#queue.add({ count, run }, false);
  }

  #answer(answer: () => void): void {
    this.#answers.push(answer);
    this.#wake();
  }
}

function rowOf(batch: EntryBatch, index: number): Row {
  return (batch as RowBatch).row(index);
}
