/**
 * The destination's half of an engine, for a source on another machine: everything that concerns the destination alone is done as
 * ever; what needs the source takes what came from there, entry batches and records, or waits for lanes to bring it.
 */

import { pathToBytes } from "../base/path_bytes.ts";
import type {
  ApplyAnswer,
  ApplyRequest,
  Crossing,
  EngineConfig,
  EngineError,
  EntryBatch,
  LargeAnswer,
  ListAnswer,
  ListRequest,
  RangeAnswer,
} from "./engine.ts";
import { Op, TaskFlag } from "./layout.ts";
import { openLibrary } from "./library.ts";
import { answer, applyAnswer, listFlags, NativeEngine, wordsOf } from "./native_engine.ts";
import { address, TaskQueue } from "./task_queue.ts";

/** What the source says about a directory. */
export interface RemoteListing {
  /** Its entries; none: there are none. */
  readonly entries?: Uint8Array<ArrayBuffer>;
  /** A record of itself, with its first batch. */
  readonly record?: Uint8Array<ArrayBuffer>;
  readonly last: boolean;
  /** With its first batch. */
  readonly crossing?: Crossing;
}

export interface ReceivedFile extends LargeAnswer {
  /** An earlier run left something of it. */
  readonly held: boolean;
}

/**
 * Undefined where there is no shim. Raises BlitError (failed) when a root cannot be opened, or its file system does not answer within
 * `ms`.
 */
export async function openDestinationEngine(config: EngineConfig, ms: number): Promise<DestinationEngine | undefined> {
  const library = openLibrary();
  return library && new DestinationEngine(await TaskQueue.openAside(library, config, ms));
}

export class DestinationEngine extends NativeEngine {
  /** As `list`, with the source's entries given. Raises BlitError (failed) where they make no sense. */
  listRemote(request: ListRequest, remote: RemoteListing, done: (answer: ListAnswer) => void): void {
    const { parent, named } = request;
    const entries = remote.entries === undefined ? 0n : this.queue.takeBatch(remote.entries);
    const flags = listFlags(request) | TaskFlag.Remote | (remote.last ? TaskFlag.Last : 0) |
      (remote.crossing === "left_out" ? TaskFlag.LeftOut : 0);
    const payload = named ? pathToBytes(`${named.source}\0${named.destination}\0`) : remote.record;
    const task = {
      op: Op.List,
      dir: request.dir,
      flags,
      batch: parent && address(parent.batch),
      first: parent?.index,
      parent: parent?.dir,
      handle: entries,
    };
    this.queue.submit(task, payload, (result) => {
      if (entries !== 0n) this.queue.free(entries);
      done({ ...this.listAnswer(result), crossing: remote.crossing });
    });
  }

  /** As `apply`, with the records that lanes bring for the request whose number is returned. */
  store(request: ApplyRequest, done: (answer: ApplyAnswer) => void): number {
    const { dir, entries } = request;
    const task = { op: Op.Store, dir, flags: request.takeLinked ? TaskFlag.Force : 0, batch: address(request.batch) };
    if ("first" in entries) {
      const run = { ...task, first: entries.first, count: entries.count };
      return this.queue.submit(run, undefined, (result) => done(applyAnswer(result)));
    }
    const words = wordsOf(entries);
    const payload = new Uint8Array(words.buffer);
    return this.queue.submit({ ...task, count: words.length }, payload, (result) => done(applyAnswer(result)));
  }

  openReceived(
    dir: number,
    batch: EntryBatch,
    index: number,
    record: Uint8Array<ArrayBuffer>,
    done: (answer: ReceivedFile) => void,
  ): void {
    this.queue.submit({ op: Op.Open, dir, flags: 0, batch: address(batch), first: index }, record, (result) => {
      done({
        ...answer(result),
        size: result.bytes,
        handle: result.handle === 0n ? undefined : result.handle,
        held: (result.flags & TaskFlag.Held) !== 0,
      });
    });
  }

  /** Little-endian XXH64 of each 1 MiB block of a slice, as it is now; undefined where it cannot be read. */
  hashes(
    dir: number,
    handle: bigint,
    { offset, length }: { readonly offset: number; readonly length: number },
    done: (hashes: Uint8Array<ArrayBuffer> | undefined) => void,
  ): void {
    this.queue.submit({ op: Op.Hash, dir, flags: 0, handle, offset, length }, undefined, (result) => {
      if (result.batch === 0n) return done(undefined);
      const hashes = this.queue.copyOf(result.batch, result.batchBytes);
      this.queue.free(result.batch);
      done(hashes);
    });
  }

  /** As `copyRange`, with the data that a lane brings for the request whose number is returned. */
  receive(
    dir: number,
    handle: bigint,
    offset: number,
    length: number,
    done: (answer: RangeAnswer) => void,
  ): number {
    const task = { op: Op.Receive, dir, flags: 0, handle, offset, length };
    return this.queue.submit(task, undefined, (result) => done({ ...answer(result), hole: result.unchangedBytes }));
  }

  /** Why the lane ended, unless in order. */
  lane(descriptor: number): Promise<EngineError | undefined> {
    return this.queue.lane(descriptor, "receive");
  }

  /** Whether a lane is bringing the slice that was asked for with that number. */
  comes(id: number): boolean {
    return this.queue.comes(id);
  }

  /** Ends one lane in order, unless it is the last. */
  retireLane(): void {
    this.queue.retireLane();
  }

  /** Hands over answers that are there; false if there were none. */
  dispatch(): boolean {
    return this.queue.dispatch();
  }

  flush(): void {
    this.queue.flush();
  }

  wait(ms: number): Promise<void> {
    return this.queue.wait(ms);
  }

  get stopped(): boolean {
    return this.queue.stopped;
  }

  giveBack(batch: bigint): void {
    this.queue.free(batch);
  }
}
