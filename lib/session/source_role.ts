/**
 * The source's role in a transfer: does what the destination asks and nothing else. Numbers that come over the network are looked up
 * here; none of them reaches the shim unless it stands for something that is there, and what the destination gives up stays until the
 * shim is done with it.
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { BlitError } from "../base/errors.ts";
import type { Job } from "../model/job.ts";
import { openingMs } from "../native/aside.ts";
import { isNotEmpty, STEP_REMOVE_SOURCE } from "../native/errno.ts";
import { type ErrorNumber, openSourceEngine, type SourceEngine } from "../native/source_engine.ts";
import type { PackedBatch } from "../native/packed_batch.ts";
import { machineFacts, machineId } from "../tune/machine.ts";
import {
  Crossing,
  type Forget,
  type LeaveDirectory,
  type ListSource,
  type OpenSource,
  type Pack,
  type Range,
  type SourceAnswers,
  SourceAnswersSchema,
  type SourceRequest,
  type SourceRequests,
} from "../wire/gen/blit/v1/source_pb.ts";
import { Held, HeldTable, nonsense } from "./held.ts";
import { plainName, SourceGround } from "./source_ground.ts";

/** Files of this size and more are asked for in slices: smaller ones travel whole, through a lane's memory. */
const SLICED_BYTES = 4 << 20;
const BUFFER_BYTES = 1 << 18;
/** Entry batches in one message; one alone has 1.5 MiB at most. */
const MESSAGE_BYTES = 1 << 20;
const MOST_WORKERS = 16;
/** How often the destination hears that the source gets on. */
const NEWS_EVERY_MS = 500;
/** How long the end waits for a worker that hangs in the system. */
const HANGING_MS = 1000;

export interface SourceRole {
  /** What the destination asks. Raises BlitError (failed) for what makes no sense; the transfer is then over. */
  handle(requests: SourceRequests): void;
  /** A blocking socket's descriptor, which is the role's from now on. Resolves when the lane has ended; whether in order. */
  addLane(descriptor: number): Promise<boolean>;
  /** Ends one lane in order, unless it is the last. */
  retireLane(): void;
  bytesMoved(): number;
  /** Breaks off what is under way and gives everything back. */
  close(): Promise<void>;
}

export interface SourceOptions {
  /** A directory that can be opened, now. */
  readonly root: string;
  /** The same by its name, if that is another path. */
  readonly path?: string;
  readonly job: Job;
  /** Only this entry of the root is given away; without it everything in it is. */
  readonly entry?: string;
  /** How many threads it may have of those that it wants, at least one; all of them where it shares the machine with nobody. */
  grantWorkers?(wanted: number): number;
  answer(answers: SourceAnswers): void;
  /** Move: removes the root itself, if it is empty. Returns the system's number of the error, 0 for none. */
  removeRoot?(): number | Promise<number>;
}

/** Raises BlitError when the root cannot be opened or its file system does not answer, or without the shim. */
export async function startSource(options: SourceOptions): Promise<SourceRole> {
  const { job } = options;
  const { threads, threadsPerCore } = machineFacts();
  const wished = job.workers || Math.max(Math.round(threads / threadsPerCore), 2);
  const wanted = Math.min(wished, MOST_WORKERS);
  const ms = openingMs(job.stallTimeoutMs);
  const ground = await SourceGround.open(options, ms);
  const engine = await openSourceEngine({
    source: options.root,
    workers: options.grantWorkers?.(wanted) ?? wanted,
    bytesPerSecond: job.bandwidthLimit,
    largeBytes: SLICED_BYTES,
    bufferBytes: BUFFER_BYTES,
    verify: job.verify,
    fsync: false,
    discard: false,
    move: job.verb === "move" && !job.dryRun,
    readOnly: false,
    oneFileSystem: job.oneFileSystem,
  }, ms);
  if (engine === undefined) {
    throw new BlitError(
      "failed",
      "Cannot copy between machines: the native library is missing",
      "Install a C compiler and try again.",
    );
  }
  return new Source(engine, ground, options);
}

interface Directory extends Held {
  readonly parent?: Directory;
}

interface OpenFile extends Held {
  readonly handle: bigint;
  readonly dir: Directory;
  readonly number: number;
}

interface Batch extends Held {
  readonly batch: PackedBatch;
}

const crossings = { left_out: Crossing.LEFT_OUT, kernel: Crossing.KERNEL } as const;

type Answer = NonNullable<MessageInitShape<typeof SourceAnswersSchema>["answers"]>[number];

class Source implements SourceRole {
  readonly #directories = new HeldTable<Directory>("directory");
  readonly #batches = new HeldTable<Batch>("batch");
  readonly #files = new HeldTable<OpenFile>("file");
  readonly #removes: boolean;
  #answers: Answer[] = [];
  #nextBatch = 1;
  #nextFile = 1;
  #closed = false;
  #told = 0;
  #toldMs = 0;
  #lanesLost = 0;
  #lanesLostTold = 0;
  readonly #turning: Promise<void>;

  constructor(
    private readonly engine: SourceEngine,
    private readonly ground: SourceGround,
    private readonly options: SourceOptions,
  ) {
    this.#removes = options.job.verb === "move" && !options.job.dryRun;
    this.#directories.add(0, new Held());
    this.#turning = this.#turn();
  }

  handle({ requests }: SourceRequests): void {
    if (this.#closed) return;
    for (const request of requests) this.#carryOut(request);
    this.engine.flush();
  }

  async addLane(descriptor: number): Promise<boolean> {
    if (await this.engine.lane(descriptor) === undefined || this.#closed) return true;
    this.#lanesLost++;
    this.#tell();
    return false;
  }

  retireLane(): void {
    if (!this.#closed) this.engine.retireLane();
  }

  bytesMoved(): number {
    return this.#closed ? 0 : this.engine.progress().bytesMoved;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.engine.stop();
    await this.#turning;
    for (const { batch } of this.#batches.values()) batch.release();
    await this.engine.close(HANGING_MS);
  }

  async #turn(): Promise<void> {
    while (!this.#closed) {
      await this.engine.turn(NEWS_EVERY_MS);
      this.#tell();
    }
  }

  /** Sends what there is to answer; else, now and then, that there is progress. */
  #tell(): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    const urgent = this.#answers.length > 0 || this.#lanesLost > this.#lanesLostTold;
    if (!urgent && nowMs - this.#toldMs < NEWS_EVERY_MS) return;
    const { ticks, bytesMoved, bytesByMethod, retransmits = 0, roundTripMs = 0 } = this.engine.progress();
    const progress = ticks + bytesMoved;
    if (!urgent && progress === this.#told) return;
    [this.#told, this.#toldMs, this.#lanesLostTold] = [progress, nowMs, this.#lanesLost];
    const figures = {
      progress: BigInt(Math.round(progress)),
      bytesZeroCopy: BigInt(bytesByMethod.sendfile),
      retransmits: BigInt(retransmits),
      roundTripUs: BigInt(Math.round(roundTripMs * 1000)),
      lanesLost: this.#lanesLost,
    };
    for (const answers of this.#pieces()) this.options.answer(create(SourceAnswersSchema, { answers, ...figures }));
  }

  /** What there is to answer, in pieces that a daemon takes as one message; at least one, which may be empty. */
  #pieces(): Answer[][] {
    const pieces: Answer[][] = [[]];
    let bytes = 0;
    for (const answer of this.#answers) {
      const size = answer.answer?.case === "listed" ? answer.answer.value.entries?.length ?? 0 : 0;
      if (bytes > 0 && bytes + size > MESSAGE_BYTES) {
        pieces.push([]);
        bytes = 0;
      }
      pieces.at(-1)!.push(answer);
      bytes += size;
    }
    this.#answers = [];
    return pieces;
  }

  #carryOut({ id, request }: SourceRequest): void {
    switch (request.case) {
      case "list":
        return this.#list(id, request.value);
      case "pack":
        return this.#pack(id, request.value);
      case "open":
        return this.#open(id, request.value);
      case "range":
        return this.#range(id, request.value);
      case "finish":
        return this.#finish(id, request.value.handle, request.value.commit);
      case "forget":
        return this.#forget(id, request.value);
      case "leave":
        return this.#leave(id, request.value);
      case "arrived":
        for (const arrived of request.value.ids) this.engine.drop(arrived);
        return;
      case "release":
        for (const number of request.value.batches) this.#batches.drop(number, ({ batch }) => batch.release());
        return;
      default:
        throw nonsense("a request of a kind that is not known");
    }
  }

  #list(
    id: number,
    { dir, parentBatch, index, parent, more, name, facts, destination, plainAttributes }: ListSource,
  ): void {
    const root = dir === 0;
    if (destination !== undefined && destination.machine !== "" && destination.machine === machineId()) {
      const single = name === undefined ? undefined : plainName(name);
      for (const { device, inode } of this.ground.keepApart(destination, single)) this.engine.avoid(device, inode);
    }
    const directory = root || more ? this.#directories.get(dir) : undefined;
    let at: Parameters<SourceEngine["list"]>[1];
    let own = directory;
    const users: Held[] = [];
    const named = root && name !== undefined ? plainName(name) : undefined;
    if (root && this.options.entry !== undefined && named !== this.options.entry) {
      throw nonsense("a request for entries that are not part of the job");
    }
    if (own === undefined) {
      const up = this.#directories.get(parent);
      const { batch } = this.#entry(parentBatch, index);
      own = Object.assign(new Held(), { parent: up });
      up.use(); // as long as it is there
      this.#directories.add(dir, own);
      users.push(this.#batches.get(parentBatch));
      at = { parent, batch, index };
    }
    users.push(own);
    for (const user of users) user.use();
    this.engine.list(dir, at, more, facts, plainAttributes, named, (listing) => {
      for (const user of users) user.unuse();
      const { batch, error, record } = listing;
      let number = 0;
      if (batch) {
        number = this.#nextBatch++;
        this.#batches.add(number, Object.assign(new Held(), { batch }));
      }
      this.#answer(id, "listed", {
        error,
        batch: number,
        entries: batch?.bytes(),
        more: listing.more,
        directory: record,
        crossing: listing.crossing && crossings[listing.crossing],
      });
    });
  }

  #pack(id: number, { dir, batch: number, words, takeLinked }: Pack): void {
    const directory = this.#directories.get(dir);
    const held = this.#batches.get(number);
    if (words.length === 0 || words.length % 4 !== 0 || words.length / 4 > held.batch.count) {
      throw nonsense("a request for records that cannot be");
    }
    directory.use();
    held.use();
    this.engine.pack(id, dir, held.batch, words.slice(), takeLinked, () => {
      directory.unuse();
      held.unuse();
    });
  }

  #open(id: number, { dir, batch: number, index }: OpenSource): void {
    const directory = this.#directories.get(dir);
    const held = this.#entry(number, index);
    directory.use(); // until the file is finished
    held.use();
    this.engine.open(dir, held.batch, index, ({ error, handle, size, record }) => {
      held.unuse();
      if (error) {
        directory.unuse();
        return this.#answer(id, "opened", { error, size: BigInt(size) });
      }
      const file = this.#nextFile++;
      this.#files.add(file, Object.assign(new Held(), { handle, dir: directory, number: dir }));
      this.#answer(id, "opened", { handle: BigInt(file), size: BigInt(size), record });
    });
  }

  #range(id: number, { handle, offset, length, held }: Range): void {
    // A request that was repeated may come after its file was finished: nobody waits for it then.
    const file = this.#files.find(Number(handle));
    if (file === undefined) return;
    if (length === 0n || offset + length > BigInt(Number.MAX_SAFE_INTEGER)) throw nonsense("a slice that cannot be");
    file.use();
    const slice = { offset: Number(offset), length: Number(length), held: held.length > 0 ? held.slice() : undefined };
    this.engine.send(id, file.number, file.handle, slice, () => file.unuse());
  }

  #finish(id: number, handle: bigint, commit: boolean): void {
    this.#files.drop(Number(handle), (file) => {
      this.engine.finish(file.number, file.handle, commit, (error) => {
        file.dir.unuse();
        if (id !== 0) this.#answer(id, "done", { error });
      });
    });
  }

  #forget(id: number, { dir, batch: number, indices }: Forget): void {
    if (!this.#removes) throw nonsense("a removal that is not part of the job");
    const directory = this.#directories.get(dir);
    const held = this.#batches.get(number);
    if (indices.length === 0 || indices.some((index) => index >= held.batch.count)) {
      throw nonsense("a removal of what was not listed");
    }
    directory.use();
    held.use();
    this.engine.forget(dir, held.batch, indices, (errors) => {
      directory.unuse();
      held.unuse();
      this.#answer(id, "forgotten", { errors });
    });
  }

  #leave(id: number, { dir, remove, drop }: LeaveDirectory): void {
    if (remove && !this.#removes) throw nonsense("a removal that is not part of the job");
    const done = (error: ErrorNumber | undefined) => {
      if (id !== 0) this.#answer(id, "done", { error });
    };
    if (dir === 0) return void this.#leaveRoot(remove).then(done);
    const directory = this.#directories.get(dir);
    if (!drop) return this.engine.leave(dir, remove, false, done);
    this.#directories.drop(dir, () => {
      this.engine.leave(dir, remove, true, (error) => {
        directory.parent?.unuse();
        done(error);
      });
    });
  }

  async #leaveRoot(remove: boolean): Promise<ErrorNumber | undefined> {
    const number = remove && await this.options.removeRoot?.();
    return number && !isNotEmpty(number) ? { number, step: STEP_REMOVE_SOURCE } : undefined;
  }

  #entry(number: number, index: number): Batch {
    const held = this.#batches.get(number);
    if (index >= held.batch.count) throw nonsense("an entry that was not listed");
    return held;
  }

  // deno-lint-ignore no-explicit-any
  #answer(id: number, kind: "listed" | "opened" | "forgotten" | "done", value: any): void {
    this.#answers.push({ id, answer: { case: kind, value } as never });
    // Answers of one turn of the engine go out together.
    if (this.#answers.length === 1) queueMicrotask(() => this.#tell());
  }
}
