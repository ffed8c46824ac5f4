/**
 * The shim's engine as a queue: packed tasks go in, the shim's threads carry them out, and packed results are handed to the callbacks of their tasks. What the tasks mean is known by those who use it: native_engine.ts for a local pair of
 * trees, source_engine.ts and destination_engine.ts for the two halves of one.
 */

import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { BlitError } from "../base/errors.ts";
import { sizeClasses } from "../model/run_record.ts";
import type { Counters, EngineConfig, EngineError, EntryBatch } from "./engine.ts";
import { answerAside } from "./aside.ts";
import { engineError, namedError, rootError, stateOf } from "./errno.ts";
import {
  Aside,
  CONFIG_BYTES,
  ConfigFlag,
  COUNTERS_BYTES,
  Op,
  RawResult,
  type RawTask,
  ROOT_SHIFT,
  TASK_BYTES,
  TaskFlag,
  writeTask,
} from "./layout.ts";
import type { Library } from "./library.ts";
import { PackedBatch } from "./packed_batch.ts";
import { waiter } from "./waiter.ts";

/** Longest wait; a stop ends it earlier. */
const WAIT_MAX_MS = 1000;
/** The drain waits on its own thread: handing the call to another one and back takes longer than many a task. */
const WAIT_HERE_MS = 5;
/** Threads that have nothing to do end within this. */
const JOIN_HERE_MS = 1;
/** After so long, what else waits for this thread (signals, timers) gets its turn. */
const TURN_MS = 20;
/** Results are collected this many bytes at a time: a result of a full batch with a detail for each entry fits many times. */
const COLLECT_BYTES = 1 << 20;
/** Of all queues: a result is read before anything else is collected. A daemon that made one for each job grew by hundreds of MB. */
const collected = new Uint8Array(COLLECT_BYTES);
const collectedView = new DataView(collected.buffer);

type Bytes = Uint8Array<ArrayBuffer>;
export type Resolve = (result: RawResult) => void;
export type NewTask = Omit<RawTask, "id"> & { id?: number };

export class TaskQueue {
  readonly #calls: Library["symbols"];
  readonly #engine: Deno.PointerObject;
  readonly #pending = new Map<number, Resolve>();
  #tasks = new Uint8Array(64 << 10);
  #tasksView = new DataView(this.#tasks.buffer);
  /** Bytes of tasks that were not handed over yet: one call takes all that a round of answers leads to. */
  #tasksLength = 0;
  /** What is to be told of the end of each lane: why it ended, unless in order. */
  readonly #lanes = new Set<(error: EngineError | undefined) => void>();
  readonly #freed: bigint[] = [];
  /** Batches that somebody still holds, and memory that is to be freed by number: given back when a run breaks off. */
  readonly #held = new Set<PackedBatch>();
  readonly #taken = new Set<bigint>();
  #nextId = 1;
  #stopped = false;
  #closed = false;

  /** Raises BlitError (failed) when a root cannot be opened. */
  static open(library: Library, config: EngineConfig): TaskQueue {
    const [args, out] = openArguments(config);
    const status = library.symbols.blit_engine_open(...args, new Uint8Array(out.buffer));
    return TaskQueue.#opened(library, config, Number(status), out);
  }

  /** The same without waiting on this thread; fails, too, where the roots' file systems do not answer within `ms`. */
  static async openAside(library: Library, config: EngineConfig, ms: number): Promise<TaskQueue> {
    const [args, out] = openArguments(config);
    const place = config.destination ?? config.source ?? "";
    const late = (status: number) => {
      if (status >= 0) library.symbols.blit_engine_close(Deno.UnsafePointer.create(out[0])!);
    };
    const all = [...args, new Uint8Array(out.buffer)];
    const status = await answerAside(place, ms, "open the roots of the job", Aside.EngineOpen, all, late);
    return TaskQueue.#opened(library, config, status, out);
  }

  static #opened(library: Library, config: EngineConfig, status: number, [engine]: BigUint64Array): TaskQueue {
    if (status < 0) throw openError(-status, config);
    return new TaskQueue(library, config, Deno.UnsafePointer.create(engine)!);
  }

  private constructor(library: Library, config: EngineConfig, engine: Deno.PointerObject) {
    this.#calls = library.symbols;
    this.#engine = engine;
    if (config.destinationPath !== undefined && config.destination !== undefined) {
      this.#calls.blit_engine_root_at(this.#engine, cString(config.destinationPath));
    }
    const started = Number(this.#calls.blit_engine_start(this.#engine));
    if (started > 0) return;
    this.#calls.blit_engine_close(this.#engine);
    throw new BlitError("failed", `Cannot start a thread: ${stateOf(-started)}`);
  }

  /** The batch that came with a result. */
  batchOf(result: RawResult): PackedBatch | undefined {
    const at = result.batch;
    if (at === 0n) return undefined;
    const memory = Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(at)!, result.batchBytes);
    const batch = new PackedBatch(at, memory, (freed) => {
      this.#held.delete(batch);
      this.#freed.push(freed);
    });
    this.#held.add(batch);
    return batch;
  }

  /** Frees memory of the shim that came with a result, like a batch. */
  free(address: bigint): void {
    this.#taken.delete(address);
    this.#calls.blit_batch_free(this.#engine, address);
  }

  /** A copy of such memory. */
  copyOf(address: bigint, length: number): Uint8Array<ArrayBuffer> {
    const memory = Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, length);
    return new Uint8Array(memory.slice(0));
  }

  /** A batch that came from another machine, checked. To be freed. Raises BlitError (failed) where it makes no sense. */
  takeBatch(bytes: Uint8Array<ArrayBuffer>): bigint {
    const out = new BigUint64Array(1);
    const status = this.#calls.blit_batch_take(bytes, BigInt(bytes.length), new Uint8Array(out.buffer));
    if (status < 0n) throw new BlitError("failed", "The source sent a list of entries that makes no sense");
    this.#taken.add(out[0]);
    return out[0];
  }

  pathOf(dir: number): string {
    this.flush();
    let out = new Uint8Array(4096);
    let length = Number(this.#calls.blit_dir_path(this.#engine, dir, out, BigInt(out.length)));
    if (length > out.length) {
      out = new Uint8Array(length);
      length = Number(this.#calls.blit_dir_path(this.#engine, dir, out, BigInt(out.length)));
    }
    if (length < 0) throw new RangeError(`No directory has number ${dir}`);
    return pathFromBytes(out.subarray(0, length));
  }

  /** Undefined where the number stands for none. */
  #attributeName(number: number): string | undefined {
    const out = new Uint8Array(256);
    const length = Number(this.#calls.blit_attribute_name(this.#engine, number, out, BigInt(out.length)));
    return length < 0 ? undefined : pathFromBytes(out.subarray(0, length));
  }

  progress(): Counters {
    const raw = new DataView(new ArrayBuffer(COUNTERS_BYTES));
    this.#calls.blit_engine_progress(this.#engine, new Uint8Array(raw.buffer));
    const at = (index: number) => Number(raw.getBigUint64(index * 8, true));
    return {
      bytesByMethod: {
        reflink: at(0),
        copy_file_range: at(1),
        read_write: at(2),
        hole: at(3),
        discarded: at(4),
        network: at(5),
        sendfile: at(6),
        resumed: at(7),
      },
      files: at(8),
      bytesMoved: at(9),
      idleMs: at(10) / 1e6,
      sourceMs: at(11) / 1e6,
      destinationMs: at(12) / 1e6,
      ticks: at(13),
      sizes: Array.from({ length: sizeClasses }, (_, i) => at(14 + i)),
      retransmits: at(21),
      roundTripMs: at(22) / 1e3,
    };
  }

  /** The directory of the source with that inode is not entered. */
  avoid(dev: bigint, ino: bigint): void {
    this.#calls.blit_engine_avoid(this.#engine, dev, ino);
  }

  /** Whether a lane is bringing what the task of that number waits for. */
  comes(id: number): boolean {
    return this.#calls.blit_request_comes(this.#engine, id) === 1n;
  }

  /** What the destination asked for with that number has arrived: it need not be sent again. */
  dropRequest(id: number): void {
    this.#calls.blit_request_drop(this.#engine, id);
  }

  retireLane(): void {
    this.#calls.blit_lane_retire(this.#engine);
  }

  activate(workers: number): void {
    this.#calls.blit_engine_activate(this.#engine, workers);
  }

  async drain(round: () => number = () => WAIT_MAX_MS): Promise<void> {
    let turnMs = performance.now();
    for (;;) {
      while (this.dispatch());
      const waitMs = round();
      this.flush();
      if (this.#pending.size === this.#lanes.size || this.#stopped) return;
      if (performance.now() - turnMs < TURN_MS && this.#waitHere(waitMs)) continue;
      await this.wait(waitMs);
      turnMs = performance.now();
    }
  }

  /** Whether results are worth a look within a moment. */
  #waitHere(ms: number): boolean {
    return this.#calls.blit_engine_wait_here(this.#engine, BigInt(Math.ceil(Math.min(ms, WAIT_HERE_MS)))) === 1n;
  }

  /** Until results are worth a look, or the time is over, or `stop`. */
  async wait(ms: number): Promise<void> {
    if (!this.#closed) await waiter(this.#calls).engine(this.#engine, Math.min(ms, WAIT_MAX_MS));
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** A lane's whole life on a blocking socket, which the shim closes. Rejects never; why it ended, unless in order. */
  lane(descriptor: number, direction: "send" | "receive"): Promise<EngineError | undefined> {
    if (this.#closed) { // the engine's memory may be gone
      this.#calls.blit_descriptor_close(descriptor);
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      this.#lanes.add(resolve);
      const flags = direction === "send" ? TaskFlag.Source : TaskFlag.Destination;
      this.submit({ op: Op.Lane, dir: 0, flags, handle: BigInt(descriptor) }, undefined, ({ errno }) => {
        this.#lanes.delete(resolve);
        resolve(errno === 0 ? undefined : engineError(errno, 0));
      });
      try {
        this.flush();
      } catch {
        this.#lanes.delete(resolve);
        this.#calls.blit_descriptor_close(descriptor);
        resolve(namedError("ENOMEM", 0));
      }
    });
  }

  /** Hands results that are there to their callbacks; false if there were none. */
  dispatch(): boolean {
    const length = Number(this.#calls.blit_engine_collect(this.#engine, collected, BigInt(COLLECT_BYTES)));
    if (length < 0) throw new RangeError(`A result is larger than ${COLLECT_BYTES} bytes`);
    for (let at = 0; at < length;) {
      const result = new RawResult(collectedView, at, (number) => this.#attributeName(number));
      at += result.totalBytes;
      const resolve = this.#pending.get(result.id)!;
      this.#pending.delete(result.id);
      resolve(result);
    }
    this.flush();
    return length > 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#calls.blit_engine_stop(this.#engine, 0n);
  }

  async close(patienceMs?: number): Promise<boolean> {
    this.#closed = true;
    this.#freeBatches();
    this.#calls.blit_engine_stop(this.#engine, 1n);
    const ended = await this.#threadsEnd(patienceMs);
    for (const resolve of this.#lanes) resolve(undefined);
    if (!ended) return false;
    for (const batch of [...this.#held]) batch.end();
    for (const address of [...this.#taken]) this.free(address);
    this.#freeBatches();
    this.#calls.blit_engine_close(this.#engine);
    return true;
  }

  /** Whether they did within that time. */
  async #threadsEnd(patienceMs = Infinity): Promise<boolean> {
    if (this.#threadsLeft(JOIN_HERE_MS) === 0) return true;
    const startMs = performance.now();
    for (let leftMs = patienceMs; leftMs > 0; leftMs = startMs + patienceMs - performance.now()) {
      await waiter(this.#calls).engine(this.#engine, Math.min(leftMs, WAIT_MAX_MS));
      if (this.#threadsLeft(0) === 0) return true;
    }
    return false;
  }

  #threadsLeft(waitMs: number): number {
    return Number(this.#calls.blit_engine_join(this.#engine, BigInt(waitMs)));
  }

  /** Takes the task at once; it reaches the workers with the others of this round. Returns its id. */
  submit(task: NewTask, payload: Uint8Array | undefined, resolve: Resolve): number {
    const payloadBytes = payload?.length ?? 0;
    const total = TASK_BYTES + ((payloadBytes + 7) & ~7);
    if (this.#tasksLength + total > this.#tasks.length) {
      this.flush();
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
    return task.id;
  }

  /** Hands gathered tasks to the workers, then frees the batches that nobody but these needed. */
  flush(): void {
    const length = this.#tasksLength;
    if (length > 0) {
      this.#tasksLength = 0;
      const status = this.#calls.blit_engine_submit(this.#engine, this.#tasks, BigInt(length));
      if (status < 0n) throw new BlitError("failed", engineError(-Number(status), 0).message);
    }
    if (this.#freed.length > 0) this.#freeBatches();
  }

  #freeBatches(): void {
    for (const batch of this.#freed) this.#calls.blit_batch_free(this.#engine, batch);
    this.#freed.length = 0;
  }
}

/** How the shim is told which batch is meant. */
export function address(batch: EntryBatch): bigint {
  return (batch as PackedBatch).address;
}

function cString(path: string | undefined): Uint8Array<ArrayBuffer> {
  return pathToBytes(`${path ?? ""}\0`);
}

function openArguments(config: EngineConfig): [args: [Bytes, Bytes, Bytes, Bytes], out: BigUint64Array<ArrayBuffer>] {
  const { source, destination, backup } = config;
  return [[packConfig(config), cString(source), cString(destination), cString(backup)], new BigUint64Array(1)];
}

function packConfig(config: EngineConfig): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(CONFIG_BYTES));
  const flags = (config.verify ? ConfigFlag.Verify : 0) | (config.fsync ? ConfigFlag.Fsync : 0) |
    (config.discard ? ConfigFlag.Discard : 0) | (config.move ? ConfigFlag.Move : 0) |
    (config.readOnly ? ConfigFlag.ReadOnly : 0) | (config.backup ? ConfigFlag.Backup : 0) |
    (config.resume ? ConfigFlag.Resume : 0) | (config.oneFileSystem ? ConfigFlag.OneFileSystem : 0) |
    (config.withhold ? ConfigFlag.Withhold : 0) | (config.keepMounts ? ConfigFlag.KeepMounts : 0);
  view.setUint32(0, flags, true);
  view.setUint32(4, config.workers, true);
  view.setBigUint64(8, BigInt(config.bytesPerSecond), true);
  view.setBigUint64(16, BigInt(config.largeBytes), true);
  view.setBigUint64(24, BigInt(config.bufferBytes), true);
  return new Uint8Array(view.buffer);
}

function openError(status: number, { source, destinationPath, destination, backup }: EngineConfig): BlitError {
  const errno = status & ((1 << ROOT_SHIFT) - 1);
  const side = (status >> ROOT_SHIFT) - 1;
  const path = [source, destinationPath ?? destination, backup][side];
  const error = engineError(errno, 0);
  return path === undefined ? new BlitError("failed", error.message) : rootError(side, path, error);
}
