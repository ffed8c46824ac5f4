/**
 * The source's half of an engine, for a destination on another machine: lists with all that must be equal, sends records and slices
 * on lanes, removes what has arrived. Every request gets one answer, from `drain`. Errors are numbers, for the other side to word.
 */

import { pathToBytes } from "../base/path_bytes.ts";
import type { Counters, Crossing, EngineConfig, EngineError } from "./engine.ts";
import { Action } from "./engine.ts";
import { ACTION_SHIFT, DetailCode, Op, type RawResult, TaskFlag } from "./layout.ts";
import { openLibrary } from "./library.ts";
import { crossingOf } from "./native_engine.ts";
import type { PackedBatch } from "./packed_batch.ts";
import { TaskQueue } from "./task_queue.ts";

/** As in SourceError of source.proto. */
export interface ErrorNumber {
  readonly number: number;
  readonly step: number;
}

export interface SourceListing {
  readonly error?: ErrorNumber;
  readonly batch?: PackedBatch;
  readonly more: boolean;
  readonly crossing?: Crossing;
  /** A record of the directory, with its first batch. */
  readonly record?: Uint8Array<ArrayBuffer>;
}

export interface SourceFile {
  readonly error?: ErrorNumber;
  readonly handle: bigint;
  readonly size: number;
  readonly record?: Uint8Array<ArrayBuffer>;
}

/** Where its name stands: entry `index` of a batch of `parent`. */
export interface NamePlace {
  readonly parent: number;
  readonly batch: PackedBatch;
  readonly index: number;
}

/**
 * Undefined where there is no shim. Raises BlitError (failed) when the root cannot be opened, or its file system does not answer within
 * `ms`.
 */
export async function openSourceEngine(config: EngineConfig, ms: number): Promise<SourceEngine | undefined> {
  const library = openLibrary();
  return library && new SourceEngine(await TaskQueue.openAside(library, config, ms));
}

export class SourceEngine {
  constructor(private readonly queue: TaskQueue) {}

  list(
    dir: number,
    at: NamePlace | undefined,
    more: boolean,
    facts: boolean,
    plain: boolean,
    name: string | undefined,
    done: (listing: SourceListing) => void,
  ): void {
    const flags = TaskFlag.Source | TaskFlag.All | TaskFlag.Digest | (facts ? TaskFlag.Stat : 0) |
      (more ? TaskFlag.More : 0) | (plain ? TaskFlag.Plain : 0) |
      (name === undefined ? 0 : TaskFlag.Named);
    const task = { op: Op.List, dir, flags, batch: at?.batch.address, first: at?.index, parent: at?.parent };
    const payload = name === undefined ? undefined : pathToBytes(`${name}\0`);
    this.queue.submit(task, payload, (result) => {
      const record = result.handle === 0n ? undefined : this.#record(result.handle);
      const error = errorOf(result);
      done({
        error,
        batch: error ? undefined : this.queue.batchOf(result),
        more: (result.flags & TaskFlag.More) !== 0,
        crossing: crossingOf(result.flags),
        record,
      });
    });
  }

  /** Records for the request of that number go out on lanes; `done` when all of them are sent. */
  pack(
    request: number,
    dir: number,
    batch: PackedBatch,
    words: Uint8Array,
    takeLinked: boolean,
    done: () => void,
  ): void {
    const task = {
      op: Op.Pack,
      dir,
      flags: takeLinked ? TaskFlag.Force : 0,
      batch: batch.address,
      count: words.length / 4,
      parent: request,
    };
    this.queue.submit(task, words, done);
  }

  open(dir: number, batch: PackedBatch, index: number, done: (file: SourceFile) => void): void {
    const task = { op: Op.Open, dir, flags: TaskFlag.Digest, batch: batch.address, first: index };
    this.queue.submit(task, undefined, (result) => {
      const record = result.batch === 0n ? undefined : this.#record(result.batch);
      done({ error: errorOf(result), handle: result.handle, size: result.bytes, record });
    });
  }

  /** The slice goes out on a lane, without the blocks that `held` has the hashes of; `done` when it is sent. */
  send(
    request: number,
    dir: number,
    handle: bigint,
    { offset, length, held }: { readonly offset: number; readonly length: number; readonly held?: Uint8Array },
    done: () => void,
  ): void {
    this.queue.submit({ op: Op.Send, dir, flags: 0, handle, offset, length, parent: request }, held, done);
  }

  finish(dir: number, handle: bigint, commit: boolean, done: (error: ErrorNumber | undefined) => void): void {
    const flags = commit ? TaskFlag.Commit : 0;
    this.queue.submit({ op: Op.Finish, dir, flags, handle }, undefined, (result) => done(errorOf(result)));
  }

  /** Removes entries that still are what the batch tells. Calls back with those that are not. */
  forget(
    dir: number,
    batch: PackedBatch,
    indices: readonly number[],
    done: (failed: { index: number; error: ErrorNumber }[]) => void,
  ): void {
    const words = Uint32Array.from(indices, (index) => (Action.Forget << ACTION_SHIFT) | index);
    const task = { op: Op.Apply, dir, flags: TaskFlag.Force, batch: batch.address, count: words.length };
    this.queue.submit(task, new Uint8Array(words.buffer), (result) => {
      const failed = [];
      for (let i = 0; i < result.details; i++) {
        const { index, code, value, extra } = result.detail(i);
        if (code === DetailCode.Failed) failed.push({ index, error: { number: Number(value), step: Number(extra) } });
      }
      done(failed);
    });
  }

  /** Frees the directory's number; before that removes it, if asked and if it is empty. */
  leave(dir: number, remove: boolean, drop: boolean, done: (error: ErrorNumber | undefined) => void): void {
    const flags = TaskFlag.Skip | (remove ? TaskFlag.RemoveSource : 0) | (drop ? TaskFlag.Drop : 0);
    this.queue.submit({ op: Op.Settle, dir, flags }, undefined, (result) => done(errorOf(result)));
  }

  /** The directory with that inode is not entered: it is the root of the other side. */
  avoid(dev: bigint, ino: bigint): void {
    this.queue.avoid(dev, ino);
  }

  /** Why the lane ended, unless in order. */
  lane(descriptor: number): Promise<EngineError | undefined> {
    return this.queue.lane(descriptor, "send");
  }

  /** What was asked for with that number has arrived: what is queued for it need not be sent again. */
  drop(request: number): void {
    this.queue.dropRequest(request);
  }

  /** Ends one lane in order, unless it is the last. */
  retireLane(): void {
    this.queue.retireLane();
  }

  progress(): Counters {
    return this.queue.progress();
  }

  /** Hands over what is there, then waits for more, `ms` at most. */
  async turn(ms: number): Promise<void> {
    while (this.queue.dispatch());
    this.queue.flush();
    await this.queue.wait(ms);
  }

  /** Hands requests that were made since to the workers. */
  flush(): void {
    this.queue.flush();
  }

  stop(): void {
    this.queue.stop();
  }

  close(patienceMs?: number): Promise<boolean> {
    return this.queue.close(patienceMs);
  }

  /** A record in the shim's memory, which is given back. */
  #record(at: bigint): Uint8Array<ArrayBuffer> {
    const length = new DataView(this.queue.copyOf(at, 4).buffer).getUint32(0, true);
    const record = this.queue.copyOf(at, length);
    this.queue.free(at);
    return record;
  }
}

function errorOf(result: RawResult): ErrorNumber | undefined {
  return result.errno === 0 ? undefined : { number: result.errno, step: result.step };
}
