/**
 * Engine over the C shim (native/blit.h).
 *
 * Requests become packed tasks at once; worker threads inside long FFI calls carry them out; `drain` waits in a further call
 * until results are there and hands each to its callback. TypeScript never touches the bytes of a file.
 */

import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { sizeBounds } from "../model/run_record.ts";
import { BlitError } from "../base/errors.ts";
import type {
  Answer,
  ApplyAnswer,
  ApplyRequest,
  Counters,
  Detail,
  Engine,
  EngineConfig,
  EntryBatch,
  LargeAnswer,
  LinkAnswer,
  LinkRequest,
  ListAnswer,
  ListRequest,
  SettleRequest,
} from "./engine.ts";
import { engineError, STEP_LIST_SOURCE } from "./errno.ts";
import {
  ACTION_SHIFT,
  CONFIG_BYTES,
  ConfigFlag,
  COUNTERS_BYTES,
  DetailCode,
  Op,
  RawResult,
  type RawTask,
  TASK_BYTES,
  TaskFlag,
  writeTask,
} from "./layout.ts";
import { type Library, openLibrary } from "./library.ts";
import { inodeKey, PackedBatch } from "./packed_batch.ts";
import { settlesWithin } from "./patience.ts";

/** Longest wait inside one call; a stop ends it earlier. */
const WAIT_MAX_MS = 1000;
const SIZE_CLASSES = sizeBounds.length + 1;
/** Results are collected this many bytes at a time: a result of a full batch with a detail for each entry fits many times. */
const COLLECT_BYTES = 1 << 20;

/** Undefined where there is no shim. Raises BlitError (failed) when a root cannot be opened. */
export function openNativeEngine(config: EngineConfig): Engine | undefined {
  const library = openLibrary();
  return library && new NativeEngine(library, config);
}

type Resolve = (result: RawResult) => void;
type NewTask = Omit<RawTask, "id"> & { id?: number };

class NativeEngine implements Engine {
  readonly #calls: Library["symbols"];
  readonly #engine: Deno.PointerObject;
  readonly #workers: Promise<unknown>;
  readonly #pending = new Map<number, Resolve>();
  readonly #results = new Uint8Array(COLLECT_BYTES);
  readonly #resultsView = new DataView(this.#results.buffer);
  #tasks = new Uint8Array(64 << 10);
  #tasksView = new DataView(this.#tasks.buffer);
  /** Bytes of tasks that were not handed over yet: one call takes all that a round of answers leads to. */
  #tasksLength = 0;
  readonly #freed: bigint[] = [];
  #nextId = 1;
  #stopped = false;

  constructor(library: Library, config: EngineConfig) {
    this.#calls = library.symbols;
    const out = new BigUint64Array(1);
    const status = this.#calls.blit_engine_open(
      packConfig(config),
      cString(config.source),
      cString(config.destination),
      cString(config.backup),
      new Uint8Array(out.buffer),
    );
    if (status < 0n) throw new BlitError("failed", engineError(-Number(status), 0).message);
    this.#engine = Deno.UnsafePointer.create(out[0])!;
    this.#workers = Promise.all(
      Array.from({ length: config.workers }, () => this.#calls.blit_engine_work(this.#engine)),
    );
  }

  list(request: ListRequest, done: (answer: ListAnswer) => void): void {
    const { parent, named } = request;
    const flags = (request.onSource ? TaskFlag.Source : 0) | (request.onDestination ? TaskFlag.Destination : 0) |
      (request.make ? TaskFlag.MakeDirectory : 0) | (request.conflict ? TaskFlag.Conflict : 0) |
      (request.stat ? TaskFlag.Stat : 0) | (request.all ? TaskFlag.All : 0) | (request.more ? TaskFlag.More : 0) |
      (request.take ? TaskFlag.Take : 0) | (request.close ? TaskFlag.Close : 0) | (named ? TaskFlag.Named : 0);
    const payload = named && pathToBytes(`${named.source}\0${named.destination}\0`);
    const batch = parent && address(parent.batch);
    const task = { op: Op.List, dir: request.dir, flags, batch, first: parent?.index, parent: parent?.dir };
    this.#submit(task, payload, (result) => done(this.#listAnswer(result)));
  }

  #listAnswer(result: RawResult): ListAnswer {
    const failedSide = result.step === STEP_LIST_SOURCE ? "source" : "destination";
    if (result.errno !== 0) return { ...answer(result), more: false, failedSide };
    const { lost, flags } = result;
    const taken = result.taken > 0 ? { ...applyAnswer(result), count: result.taken } : undefined;
    if (flags & TaskFlag.Close) {
      return {
        lost,
        taken,
        closed: { unchanged: result.unchanged, unchangedBytes: result.unchangedBytes },
        more: false,
      };
    }
    return { lost, taken, batch: this.#batch(result), more: (flags & TaskFlag.More) !== 0 };
  }

  #batch(result: RawResult): EntryBatch | undefined {
    const at = result.batch;
    if (at === 0n) return undefined;
    const memory = Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(at)!, result.batchBytes);
    return new PackedBatch(at, memory, (freed) => this.#freed.push(freed));
  }

  apply(request: ApplyRequest, done: (answer: ApplyAnswer) => void): void {
    const { dir, entries } = request;
    const batch = address(request.batch);
    const task = { op: Op.Apply, dir, flags: request.takeLinked ? TaskFlag.Force : 0, batch };
    const resolve: Resolve = (result) => done(applyAnswer(result));
    if ("first" in entries) {
      this.#submit({ ...task, first: entries.first, count: entries.count }, undefined, resolve);
    } else {
      const words = new Uint32Array(entries.length);
      for (let i = 0; i < words.length; i++) words[i] = (entries[i].action << ACTION_SHIFT) | entries[i].index;
      this.#submit({ ...task, count: words.length }, new Uint8Array(words.buffer), resolve);
    }
  }

  remove(dir: number, batch: EntryBatch, indices: readonly number[], done: (answer: ApplyAnswer) => void): void {
    const words = Uint32Array.from(indices);
    const task = { op: Op.Remove, dir, flags: 0, batch: address(batch), count: words.length };
    this.#submit(task, new Uint8Array(words.buffer), (result) => done(applyAnswer(result)));
  }

  openLarge(dir: number, batch: EntryBatch, index: number, done: (answer: LargeAnswer) => void): void {
    this.#submit({ op: Op.Open, dir, flags: 0, batch: address(batch), first: index }, undefined, (result) => {
      const handle = result.handle;
      done({ ...answer(result), size: result.bytes, handle: handle === 0n ? undefined : handle });
    });
  }

  copyRange(dir: number, handle: bigint, offset: number, length: number, done: (answer: Answer) => void): void {
    this.#submit({ op: Op.Range, dir, flags: 0, handle, offset, length }, undefined, (result) => done(answer(result)));
  }

  finishLarge(dir: number, handle: bigint, commit: boolean, done: (answer: Answer) => void): void {
    const flags = commit ? TaskFlag.Commit : 0;
    this.#submit({ op: Op.Finish, dir, flags, handle }, undefined, (result) => done(answer(result)));
  }

  link(request: LinkRequest, done: (answer: LinkAnswer) => void): void {
    const { dir, index, target } = request;
    const task = { op: Op.Link, dir, flags: 0, batch: address(request.batch), first: index, parent: target.dir };
    this.#submit(task, pathToBytes(target.name), (result) => {
      done({ ...answer(result), same: result.details > 0 && result.detail(0).code === DetailCode.Same });
    });
  }

  settle(request: SettleRequest, done: (answer: Answer) => void): void {
    const flags = (request.what === "remove" ? TaskFlag.RemoveDirectory : 0) |
      (request.what === "nothing" ? TaskFlag.Skip : 0) | (request.removeSource ? TaskFlag.RemoveSource : 0) |
      (request.drop ? TaskFlag.Drop : 0);
    this.#submit({ op: Op.Settle, dir: request.dir, flags }, undefined, (result) => done(answer(result)));
  }

  pathOf(dir: number): string {
    this.#flush();
    let out = new Uint8Array(4096);
    let length = Number(this.#calls.blit_dir_path(this.#engine, dir, out, BigInt(out.length)));
    if (length > out.length) {
      out = new Uint8Array(length);
      length = Number(this.#calls.blit_dir_path(this.#engine, dir, out, BigInt(out.length)));
    }
    if (length < 0) throw new RangeError(`No directory has number ${dir}`);
    return pathFromBytes(out.subarray(0, length));
  }

  progress(): Counters {
    const raw = new DataView(new ArrayBuffer(COUNTERS_BYTES));
    this.#calls.blit_engine_progress(this.#engine, new Uint8Array(raw.buffer));
    const at = (index: number) => Number(raw.getBigUint64(index * 8, true));
    return {
      bytesByMethod: { reflink: at(0), copy_file_range: at(1), read_write: at(2), hole: at(3), discarded: at(4) },
      files: at(5),
      bytesMoved: at(6),
      idleMs: at(7) / 1e6,
      sourceMs: at(8) / 1e6,
      destinationMs: at(9) / 1e6,
      ticks: at(10),
      sizes: Array.from({ length: SIZE_CLASSES }, (_, i) => at(11 + i)),
    };
  }

  activate(workers: number): void {
    this.#calls.blit_engine_activate(this.#engine, workers);
  }

  async drain(round: () => number = () => WAIT_MAX_MS): Promise<void> {
    for (;;) {
      while (this.#dispatch());
      const waitMs = round();
      this.#flush();
      if (this.#pending.size === 0 || this.#stopped) return;
      await this.#calls.blit_engine_wait(this.#engine, BigInt(Math.ceil(Math.min(waitMs, WAIT_MAX_MS))));
    }
  }

  /** Hands over what is there; false if that was nothing. */
  #dispatch(): boolean {
    const length = Number(this.#calls.blit_engine_collect(this.#engine, this.#results, BigInt(COLLECT_BYTES)));
    if (length < 0) throw new RangeError(`A result is larger than ${COLLECT_BYTES} bytes`);
    for (let at = 0; at < length;) {
      const result = new RawResult(this.#resultsView, at);
      at += result.totalBytes;
      const resolve = this.#pending.get(result.id)!;
      this.#pending.delete(result.id);
      resolve(result);
    }
    this.#flush();
    return length > 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#calls.blit_engine_stop(this.#engine, 0n);
  }

  async close(patienceMs?: number): Promise<boolean> {
    this.#freeBatches();
    this.#calls.blit_engine_stop(this.#engine, 1n);
    if (patienceMs !== undefined && !await settlesWithin(this.#workers, patienceMs)) return false;
    await this.#workers;
    this.#calls.blit_engine_close(this.#engine);
    return true;
  }

  #submit(task: NewTask, payload: Uint8Array | undefined, resolve: Resolve): void {
    const payloadBytes = payload?.length ?? 0;
    const total = TASK_BYTES + ((payloadBytes + 7) & ~7);
    if (this.#tasksLength + total > this.#tasks.length) {
      this.#flush();
      if (total > this.#tasks.length) {
        this.#tasks = new Uint8Array(total * 2);
        this.#tasksView = new DataView(this.#tasks.buffer);
      }
    }
    task.id = this.#nextId;
    this.#nextId = task.id === 0xffff_ffff ? 1 : task.id + 1;
    writeTask(this.#tasksView, this.#tasksLength, task as RawTask, payloadBytes);
    if (payload) this.#tasks.set(payload, this.#tasksLength + TASK_BYTES);
    this.#tasksLength += total;
    this.#pending.set(task.id, resolve);
  }

  /** Hands gathered tasks to the workers, then frees the batches that nobody but these needed. */
  #flush(): void {
    const length = this.#tasksLength;
    if (length > 0) {
      this.#tasksLength = 0;
      const status = this.#calls.blit_engine_submit(this.#engine, this.#tasks, BigInt(length));
      if (status < 0n) throw new BlitError("failed", engineError(-Number(status), 0).message);
    }
    if (this.#freed.length > 0) this.#freeBatches();
  }

  #freeBatches(): void {
    for (const batch of this.#freed) this.#calls.blit_batch_free(this.#engine, Deno.UnsafePointer.create(batch));
    this.#freed.length = 0;
  }
}

function address(batch: EntryBatch): bigint {
  return (batch as PackedBatch).address;
}

function answer(result: RawResult): Answer {
  const errno = result.errno;
  return { error: errno === 0 ? undefined : engineError(errno, result.step), lost: result.lost };
}

const noDetails: readonly Detail[] = [];

function applyAnswer(result: RawResult): ApplyAnswer {
  const count = result.details;
  const details = count === 0 ? noDetails : Array.from({ length: count }, (_, i) => detail(result, i));
  return { ...answer(result), done: result.done, bytes: result.bytes, details };
}

function detail(result: RawResult, i: number): Detail {
  const { index, code, value, extra } = result.detail(i);
  switch (code) {
    case DetailCode.Large:
      return { index, is: "large", size: Number(value) };
    case DetailCode.Linked:
      return { index, is: "linked", inode: inodeKey(extra, value) };
    case DetailCode.Same:
      return { index, is: "same" };
    case DetailCode.Different:
      return { index, is: "different" };
    default:
      return { index, is: "failed", error: engineError(Number(value), Number(extra)) };
  }
}

function cString(path: string | undefined): Uint8Array<ArrayBuffer> {
  return pathToBytes(`${path ?? ""}\0`);
}

function packConfig(config: EngineConfig): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(CONFIG_BYTES));
  const flags = (config.verify ? ConfigFlag.Verify : 0) | (config.fsync ? ConfigFlag.Fsync : 0) |
    (config.discard ? ConfigFlag.Discard : 0) | (config.move ? ConfigFlag.Move : 0) |
    (config.readOnly ? ConfigFlag.ReadOnly : 0) | (config.backup ? ConfigFlag.Backup : 0);
  view.setUint32(0, flags, true);
  view.setUint32(4, config.workers, true);
  view.setBigUint64(8, BigInt(config.bytesPerSecond), true);
  view.setBigUint64(16, BigInt(config.largeBytes), true);
  view.setBigUint64(24, BigInt(config.bufferBytes), true);
  return new Uint8Array(view.buffer);
}
