/**
 * Engine over the C shim (native/blit.h): requests become tasks of a TaskQueue, results become answers. TypeScript never touches
 * the bytes of a file.
 */

import { pathToBytes } from "../base/path_bytes.ts";
import type {
  Answer,
  ApplyAnswer,
  ApplyRequest,
  Counters,
  Crossing,
  Detail,
  Engine,
  EngineConfig,
  EngineError,
  EntryBatch,
  LargeAnswer,
  LinkAnswer,
  LinkRequest,
  ListAnswer,
  ListRequest,
  RangeAnswer,
  SettleRequest,
} from "./engine.ts";
import { attributeError, engineError, listingSide } from "./errno.ts";
import {
  ACTION_SHIFT,
  DetailCode,
  Op,
  type RawResult,
  STEP_ATTRIBUTE_MASK,
  STEP_ATTRIBUTE_SHIFT,
  STEP_MASK,
  STEP_PLACED,
  TaskFlag,
} from "./layout.ts";
import { openLibrary } from "./library.ts";
import { inodeKey } from "./packed_batch.ts";
import { address, type Resolve, TaskQueue } from "./task_queue.ts";

/** Undefined where there is no shim. Raises BlitError (failed) when a root cannot be opened. */
export function openNativeEngine(config: EngineConfig): Engine | undefined {
  const library = openLibrary();
  return library && new NativeEngine(TaskQueue.open(library, config));
}

export class NativeEngine implements Engine {
  constructor(protected readonly queue: TaskQueue) {}

  list(request: ListRequest, done: (answer: ListAnswer) => void): void {
    const { parent, named } = request;
    const flags = listFlags(request) | (request.onSource ? TaskFlag.Source : 0) | (request.take ? TaskFlag.Take : 0);
    const payload = named && pathToBytes(`${named.source}\0${named.destination}\0`);
    const batch = parent && address(parent.batch);
    const task = { op: Op.List, dir: request.dir, flags, batch, first: parent?.index, parent: parent?.dir };
    this.queue.submit(task, payload, (result) => done(this.listAnswer(result)));
  }

  protected listAnswer(result: RawResult): ListAnswer {
    if (result.errno !== 0) return { ...answer(result), more: false, failedSide: listingSide(result.step) };
    const { lost, flags } = result;
    const crossing = crossingOf(flags);
    const taken = result.taken > 0 ? { ...applyAnswer(result), count: result.taken } : undefined;
    if (flags & TaskFlag.Close) {
      return {
        lost,
        taken,
        crossing,
        closed: { unchanged: result.unchanged, unchangedBytes: result.unchangedBytes },
        more: false,
      };
    }
    return { lost, taken, crossing, batch: this.queue.batchOf(result), more: (flags & TaskFlag.More) !== 0 };
  }

  apply(request: ApplyRequest, done: (answer: ApplyAnswer) => void): void {
    const { dir, entries } = request;
    const batch = address(request.batch);
    const task = { op: Op.Apply, dir, flags: request.takeLinked ? TaskFlag.Force : 0, batch };
    const resolve: Resolve = (result) => done(applyAnswer(result));
    if ("first" in entries) {
      this.queue.submit({ ...task, first: entries.first, count: entries.count }, undefined, resolve);
    } else {
      const words = wordsOf(entries);
      this.queue.submit({ ...task, count: words.length }, new Uint8Array(words.buffer), resolve);
    }
  }

  remove(dir: number, batch: EntryBatch, indices: readonly number[], done: (answer: ApplyAnswer) => void): void {
    const words = Uint32Array.from(indices);
    const task = { op: Op.Remove, dir, flags: 0, batch: address(batch), count: words.length };
    this.queue.submit(task, new Uint8Array(words.buffer), (result) => done(applyAnswer(result)));
  }

  openLarge(dir: number, batch: EntryBatch, index: number, done: (answer: LargeAnswer) => void): void {
    this.queue.submit({ op: Op.Open, dir, flags: 0, batch: address(batch), first: index }, undefined, (result) => {
      const handle = result.handle;
      done({ ...answer(result), size: result.bytes, handle: handle === 0n ? undefined : handle });
    });
  }

  copyRange(dir: number, handle: bigint, offset: number, length: number, done: (answer: RangeAnswer) => void): void {
    this.queue.submit(
      { op: Op.Range, dir, flags: 0, handle, offset, length },
      undefined,
      (result) => done({ ...answer(result), hole: result.unchangedBytes }),
    );
  }

  finishLarge(dir: number, handle: bigint, commit: boolean, done: (answer: Answer) => void): void {
    const flags = commit ? TaskFlag.Commit : 0;
    this.queue.submit({ op: Op.Finish, dir, flags, handle }, undefined, (result) => done(answer(result)));
  }

  link(request: LinkRequest, done: (answer: LinkAnswer) => void): void {
    const { dir, index, target } = request;
    const task = { op: Op.Link, dir, flags: 0, batch: address(request.batch), first: index, parent: target.dir };
    this.queue.submit(task, pathToBytes(target.name), (result) => {
      done({ ...answer(result), same: result.details > 0 && result.detail(0).code === DetailCode.Same });
    });
  }

  settle(request: SettleRequest, done: (answer: Answer) => void): void {
    const flags = (request.what === "remove" ? TaskFlag.RemoveDirectory : 0) |
      (request.what === "nothing" ? TaskFlag.Skip : 0) | (request.removeSource ? TaskFlag.RemoveSource : 0) |
      (request.drop ? TaskFlag.Drop : 0);
    this.queue.submit({ op: Op.Settle, dir: request.dir, flags }, undefined, (result) => done(answer(result)));
  }

  pathOf(dir: number): string {
    return this.queue.pathOf(dir);
  }

  /** Whether the directory still is where its path leads: what was written is where it is looked for. */
  stands(dir: number, done: (stands: boolean) => void): void {
    this.queue.submit({ op: Op.Stands, dir, flags: 0 }, undefined, ({ errno }) => done(errno === 0));
  }

  progress(): Counters {
    return this.queue.progress();
  }

  activate(workers: number): void {
    this.queue.activate(workers);
  }

  drain(round?: () => number): Promise<void> {
    return this.queue.drain(round);
  }

  stop(): void {
    this.queue.stop();
  }

  close(patienceMs?: number): Promise<boolean> {
    return this.queue.close(patienceMs);
  }
}

export function answer(result: RawResult): Answer {
  const errno = result.errno;
  return { error: errno === 0 ? undefined : failure(result, errno, result.step), lost: result.lost };
}

/** Of a step with all that the shim packs into it. */
function failure(result: RawResult, errno: number, step: number): EngineError {
  const number = (step & STEP_ATTRIBUTE_MASK) >> STEP_ATTRIBUTE_SHIFT;
  const attribute = number === 0 ? undefined : result.attributeName(number);
  const error = attribute === undefined ? engineError(errno, step & STEP_MASK) : attributeError(errno, attribute);
  return step & STEP_PLACED ? { ...error, placed: true } : error;
}

/** Of the flags of a listing's result. */
export function crossingOf(flags: number): Crossing | undefined {
  return flags & TaskFlag.LeftOut ? "left_out" : flags & TaskFlag.Kernel ? "kernel" : undefined;
}

/** Entries with their actions as the shim takes them. */
export function wordsOf(
  entries: readonly { readonly index: number; readonly action: number }[],
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(entries.length);
  for (let i = 0; i < words.length; i++) words[i] = (entries[i].action << ACTION_SHIFT) | entries[i].index;
  return words;
}

/** What a listing has in common wherever its source is. */
export function listFlags(request: ListRequest): number {
  return (request.onDestination ? TaskFlag.Destination : 0) | (request.make ? TaskFlag.MakeDirectory : 0) |
    (request.stat ? TaskFlag.Stat : 0) | (request.all ? TaskFlag.All : 0) |
    (request.more ? TaskFlag.More : 0) | (request.close ? TaskFlag.Close : 0) | (request.named ? TaskFlag.Named : 0);
}

const noDetails: readonly Detail[] = [];

export function applyAnswer(result: RawResult): ApplyAnswer {
  const count = result.details;
  const details = count === 0 ? noDetails : Array.from({ length: count }, (_, i) => detail(result, i));
  return { ...answer(result), done: result.done, bytes: result.bytes, details };
}

function detail(result: RawResult, i: number): Detail {
  const { index, code, value, extra } = result.detail(i);
  switch (code) {
    case DetailCode.Large:
      return { index, is: "large", size: Number(value), allocated: Number(extra) };
    case DetailCode.Linked:
      return { index, is: "linked", inode: inodeKey(extra, value) };
    case DetailCode.Same:
      return { index, is: "same" };
    case DetailCode.Different:
      return { index, is: "different" };
    default:
      return { index, is: "failed", error: failure(result, Number(value), Number(extra)) };
  }
}
