/**
 * An engine whose source is on another machine: a run plays it like any other. The destination's half is the shim's; the source's
 * half is asked for over `ask`, and what it sends on lanes waits in the shim until it comes.
 *
 * When a lane dies, whatever no other lane is bringing is asked for again, and the source is told of what has come meanwhile; what
 * comes twice all the same is taken once.
 */

import type { BlitError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import { ConnectionLost, LanesUseless } from "../carrier/liveness.ts";
import type { DestinationEngine } from "../native/destination_engine.ts";
import {
  Action,
  type Answer,
  type ApplyAnswer,
  type ApplyRequest,
  type Counters,
  type Detail,
  type Engine,
  type EngineError,
  type EntryBatch,
  type LargeAnswer,
  type LinkAnswer,
  type LinkRequest,
  type ListAnswer,
  type ListRequest,
  type RangeAnswer,
  type SettleRequest,
} from "../native/engine.ts";
import { engineError, GONE, GREW, STEP_REMOVE_SOURCE } from "../native/errno.ts";
import { ACTION_SHIFT } from "../native/layout.ts";
import type { PackedBatch } from "../native/packed_batch.ts";
import {
  Crossing,
  type Listed,
  type SourceAnswers,
  type SourceError,
  type SourceRequests,
} from "../wire/gen/blit/v1/source_pb.ts";
import { Asker, expectReply, message } from "./asker.ts";
import { nonsense } from "./held.ts";

const crossings: { readonly [wire: number]: ListAnswer["crossing"] } = {
  [Crossing.LEFT_OUT]: "left_out",
  [Crossing.KERNEL]: "kernel",
};

/** A large file under way. */
interface OpenFile {
  readonly source: bigint;
  readonly dir: number;
  readonly origin: number;
  readonly batch: number;
  readonly alone: boolean;
  /** An earlier run left something of it. */
  readonly held: boolean;
}

export interface RemoteEngineOptions {
  /** Remove each source entry once its copy has settled. */
  readonly move: boolean;
  /** The destination keeps no attributes in security.* and trusted.*. */
  readonly plainAttributes: boolean;
  /** Where the destination's root is; undefined where there is none yet. */
  readonly root?: {
    readonly machine: string;
    readonly device: bigint;
    readonly inode: bigint;
    readonly backup?: { readonly device: bigint; readonly inode: bigint };
    /** What stands at the only entry's name. */
    readonly entry?: { readonly device: bigint; readonly inode: bigint };
  };
  ask(requests: SourceRequests): void;
  /** A lane died, and so many requests are made again. */
  brokenOff?(requests: number): void;
}

export class RemoteEngine implements Engine {
  readonly #asker: Asker;
  /** The source's numbers of batches of which something is left. */
  readonly #batches = new Map<EntryBatch, number>();
  readonly #files = new Map<bigint, OpenFile>();
  /** Directories that the source has a number for; whether their listing has ended there. */
  readonly #listed = new Map<number, boolean>();
  #arrived: SourceAnswers[] = [];
  /** Answers to requests that were decided at once. */
  readonly #later: (() => void)[] = [];
  #wake = () => {};
  #open = 0;
  #waitingForResults: Promise<void> | undefined;
  #lost: BlitError | undefined;
  #leavingRoot: ((error: EngineError | undefined) => void) | undefined;
  #sourceProgress = 0;
  #bytesZeroCopy = 0;
  #retransmits = 0;
  #roundTripMs = 0;
  #lanesLost = 0;
  /** Why content may not come. */
  laneTrouble: string | undefined;

  constructor(private readonly here: DestinationEngine, private readonly options: RemoteEngineOptions) {
    this.#asker = new Asker((requests) => options.ask(requests));
  }

  // --- what the carrier hands over ---

  handle(answers: SourceAnswers): void {
    this.#arrived.push(answers);
    this.#wake();
  }

  /** The source is gone: `drain` rejects with this. */
  lost(error: BlitError): void {
    this.#lost ??= error;
    this.#wake();
  }

  /** Resolves when the lane has ended; whether it ended in order. */
  async addLane(descriptor: number): Promise<boolean> {
    const error = await this.here.lane(descriptor);
    if (error === undefined) return true;
    this.laneTrouble = `a connection for content broke: ${error.message.replace(/^Cannot go on: /, "")}`;
    if (error.code === "EPROTO") {
      const message = "A connection for content brought what makes no sense (a bad frame or record)";
      const Loss = this.here.progress().bytesMoved > 0 ? ConnectionLost : LanesUseless;
      this.lost(new Loss("failed", message));
    } else {
      this.#laneLost();
    }
    return false;
  }

  /** On this side or on the other: a connection that one of them thinks it has the other may never have had. */
  #laneLost(): void {
    const lost = this.#asker.askAgain((id) => this.here.comes(id));
    if (lost > 0) this.options.brokenOff?.(lost);
    this.#wake();
  }

  /** Bytes that the source sent without a copy in its memory. */
  get bytesZeroCopy(): number {
    return this.#bytesZeroCopy;
  }

  // --- Engine ---

  list(request: ListRequest, done: (answer: ListAnswer) => void): void {
    const finish = this.#counted(done);
    if (!request.onSource) return this.here.list(request, finish);
    const { dir, parent, named, more } = request;
    if (more && this.#listed.get(dir)) return this.here.listRemote(request, { last: true }, finish);
    parent?.batch.retain(); // the directory's name stands in it
    this.#asker.askAndWait(
      {
        case: "list",
        value: message({
          dir,
          parentBatch: parent && this.#numberOf(parent.batch),
          index: parent && (parent.batch as PackedBatch).origin(parent.index),
          parent: parent?.dir,
          more,
          destination: dir === 0 && !more && this.options.root
            ? { ...this.options.root, name: named && pathToBytes(named.destination) }
            : undefined,
          facts: request.stat || request.onDestination || named !== undefined,
          name: named && pathToBytes(named.source),
          plainAttributes: this.options.plainAttributes,
        }),
      },
      (reply) => {
        this.#entriesCame(request, expectReply(reply, "listed"), finish);
        parent?.batch.release();
      },
    );
  }

  #entriesCame(request: ListRequest, listed: Listed, done: (answer: ListAnswer) => void): void {
    if (listed.error) {
      this.#listed.set(request.dir, true);
      const error = errorOf(listed.error);
      const failed = () => done({ error, lost: 0, more: false, failedSide: "source" });
      // The directory gets its number here all the same, so that it can be dropped like any other.
      return request.more ? failed() : this.here.listRemote({ ...request, named: undefined }, { last: true }, failed);
    }
    // Else a source could keep this side listing for ever, and nothing would ever come of it.
    if (listed.more && listed.entries.length === 0) throw nonsense("a part of a listing with nothing in it");
    this.#listed.set(request.dir, !listed.more);
    const remote = {
      entries: listed.entries.length > 0 ? listed.entries as Uint8Array<ArrayBuffer> : undefined,
      record: request.more ? undefined : listed.directory as Uint8Array<ArrayBuffer>,
      last: !listed.more,
      crossing: crossings[listed.crossing],
    };
    this.here.listRemote(request, remote, (answer) => {
      this.#keepAtSource(listed.batch, answer.batch);
      if (answer.closed) this.#leave(request.dir);
      done(answer);
    });
  }

  /**
   * The source keeps its batch of that number (0: none) while something of it may be asked for: not for what only the destination has.
   * The callback knows nothing of the message, whose entries would stay in memory with it.
   */
  #keepAtSource(number: number, batch: EntryBatch | undefined): void {
    if (number === 0) return;
    if (batch === undefined || batch.others + batch.dirs === 0) return void this.#asker.release(number);
    this.#batches.set(batch, number);
    (batch as PackedBatch).whenFreed(() => {
      this.#batches.delete(batch);
      this.#asker.release(number);
    });
  }

  apply(request: ApplyRequest, done: (answer: ApplyAnswer) => void): void {
    const finish = this.#counted(done);
    const { entries } = request;
    if ("first" in entries) return this.#store(request, finish);
    const forgotten = entries.filter(({ action }) => action === Action.Forget);
    if (forgotten.length === 0) return this.#store(request, finish);
    const rest = entries.filter(({ action }) => action !== Action.Forget);
    this.#forgetEqual({ ...request, entries: forgotten }, forgotten.map(({ index }) => index), (first) => {
      if (rest.length === 0) return finish(first);
      this.#store({ ...request, entries: rest }, (second) => finish(added(first, second)));
    });
  }

  #store(request: ApplyRequest, done: (answer: ApplyAnswer) => void): void {
    const { dir, batch, entries, takeLinked } = request;
    const packed = batch as PackedBatch;
    const run = "first" in entries;
    const words = new Uint32Array(run ? entries.count : entries.length);
    for (let i = 0; i < words.length; i++) {
      const { index, action } = run ? { index: entries.first + i, action: Action.Make } : entries[i];
      words[i] = (action << ACTION_SHIFT) | packed.origin(index);
    }
    const id = this.here.store(request, (answer) => {
      this.#asker.arrived(id);
      if (!this.options.move || takeLinked || answer.error) return done(answer);
      const rest = new Set(answer.details.map(({ index }) => index));
      const indices = Array.from(words, (_, i) => run ? entries.first + i : entries[i].index);
      const arrived = indices.filter((index) => !rest.has(index));
      if (arrived.length === 0) return done(answer);
      this.#forget(request, arrived, ({ details }) => {
        done({ ...answer, done: answer.done - details.length, details: [...answer.details, ...details] });
      });
    });
    this.#asker.bring(id, {
      case: "pack",
      value: message({ dir, batch: this.#numberOf(batch), words: new Uint8Array(words.buffer), takeLinked }),
    });
  }

  /** The same for what was there already, once the destination has looked at it again. */
  #forgetEqual(request: ApplyRequest, indices: readonly number[], done: (answer: ApplyAnswer) => void): void {
    this.here.apply(request, ({ details }) => {
      const failed = new Set(details.map(({ index }) => index));
      const equal = indices.filter((index) => !failed.has(index));
      if (equal.length === 0) return done({ lost: 0, done: 0, bytes: 0, details });
      this.#forget(request, equal, (answer) => done({ ...answer, details: [...details, ...answer.details] }));
    });
  }

  /** Removes sources that have arrived; those that could not be are in the answer's details. */
  #forget(
    { dir, batch }: Pick<ApplyRequest, "dir" | "batch">,
    indices: readonly number[],
    done: (answer: ApplyAnswer) => void,
  ): void {
    const packed = batch as PackedBatch;
    batch.retain(); // until the source is asked
    this.here.stands(dir, (stands) => {
      const byOrigin = new Map(indices.map((index) => [packed.origin(index), index]));
      const value = message({ dir, batch: this.#numberOf(batch), indices: [...byOrigin.keys()] });
      batch.release();
      if (!stands) {
        const details = indices.map((index) => ({ index, is: "failed", error: gone }) as const);
        return done({ lost: 0, done: 0, bytes: 0, details });
      }
      this.#asker.askAndWait({ case: "forget", value }, (reply) => {
        const details: Detail[] = expectReply(reply, "forgotten").errors.map(({ index: origin, error }) => {
          const index = byOrigin.get(origin);
          if (!byOrigin.delete(origin)) throw nonsense("a failure of what it was not to remove");
          return { index: index!, is: "failed", error: errorOf(error) };
        });
        done({ lost: 0, done: indices.length - details.length, bytes: 0, details });
      });
    });
  }

  openLarge(dir: number, batch: EntryBatch, index: number, done: (answer: LargeAnswer) => void): void {
    const finish = this.#counted(done);
    const packed = batch as PackedBatch;
    const origin = packed.origin(index);
    const number = this.#numberOf(batch);
    this.#asker.askAndWait({ case: "open", value: message({ dir, batch: number, index: origin }) }, (reply) => {
      const { error, handle: source, size, record } = expectReply(reply, "opened");
      if (error) return finish({ error: errorOf(error), lost: 0, size: Number(size) });
      this.here.openReceived(dir, batch, index, record as Uint8Array<ArrayBuffer>, (answer) => {
        if (answer.handle === undefined) this.#asker.tell({ case: "finish", value: message({ handle: source }) });
        else {
          const alone = !packed.known(index) || packed.nlink(index) === 1;
          this.#files.set(answer.handle, { source, dir, origin, batch: number, alone, held: answer.held });
        }
        finish(answer);
      });
    });
  }

  copyRange(dir: number, handle: bigint, offset: number, length: number, done: (answer: RangeAnswer) => void): void {
    const finish = this.#counted(done);
    const { source, held } = this.#files.get(handle)!;
    const bring = (hashes?: Uint8Array) => {
      const id = this.here.receive(dir, handle, offset, length, (answer) => {
        this.#asker.arrived(id);
        finish(answer);
      });
      const value = message({ handle: source, offset: BigInt(offset), length: BigInt(length), held: hashes });
      this.#asker.bring(id, { case: "range", value });
    };
    if (held) this.here.hashes(dir, handle, { offset, length }, bring);
    else bring();
  }

  finishLarge(dir: number, handle: bigint, commit: boolean, done: (answer: Answer) => void): void {
    const finish = this.#counted(done);
    const file = this.#files.get(handle)!;
    this.#files.delete(handle);
    const value = message({ handle: file.source, commit });
    this.#asker.askAndWait({ case: "finish", value }, (reply) => {
      const error = expectReply(reply, "done").error;
      const whole = commit && (error === undefined || error.number === GREW);
      this.here.finishLarge(dir, handle, whole, (answer) => {
        if (answer.error || error) return finish({ ...answer, error: answer.error ?? (error && errorOf(error)) });
        if (!commit || !this.options.move || !file.alone) return finish(answer);
        this.#forgetFile(file, (failed) => finish({ ...answer, error: failed }));
      });
    });
  }

  #forgetFile({ dir, batch, origin }: OpenFile, done: (error: EngineError | undefined) => void): void {
    this.here.stands(dir, (stands) => {
      if (!stands) return done(gone);
      this.#asker.askAndWait({ case: "forget", value: message({ dir, batch, indices: [origin] }) }, (reply) => {
        const [failed] = expectReply(reply, "forgotten").errors;
        done(failed && errorOf(failed.error));
      });
    });
  }

  link(request: LinkRequest, done: (answer: LinkAnswer) => void): void {
    this.here.link(request, this.#counted(done));
  }

  remove(dir: number, batch: EntryBatch, indices: readonly number[], done: (answer: ApplyAnswer) => void): void {
    this.here.remove(dir, batch, indices, this.#counted(done));
  }

  settle(request: SettleRequest, done: (answer: Answer) => void): void {
    const finish = this.#counted(done);
    const { dir, removeSource, drop } = request;
    if (!removeSource || !this.#listed.has(dir)) {
      return this.here.settle({ ...request, removeSource: false }, (answer) => {
        if (!answer.error && drop) this.#leave(dir);
        finish(answer);
      });
    }
    // The source keeps the directory, and need not know it any more: the one above it could not be left otherwise.
    const fail = (answer: Answer) => {
      if (drop) this.#leave(dir);
      finish(answer);
    };
    const remove = (answer: Answer) =>
      this.#asker.askAndWait({ case: "leave", value: message({ dir, remove: true, drop }) }, (reply) => {
        const error = expectReply(reply, "done").error;
        if (error) return finish({ ...answer, error: errorOf(error) });
        if (drop) this.#listed.delete(dir);
        if (!drop || dir === 0) return finish(answer);
        this.here.settle({ dir, what: "nothing", removeSource: false, drop }, () => finish(answer));
      });
    this.here.settle({ ...request, removeSource: false, drop: false }, (answer) => {
      if (answer.error) return fail(answer);
      this.here.stands(dir, (stands) => stands ? remove(answer) : fail({ ...answer, error: gone }));
    });
  }

  /** Removes the source's root itself, unless something is left in it. */
  removeRoot(done: (error: EngineError | undefined) => void): void {
    const finish = this.#counted(done);
    this.here.stands(0, (stands) => {
      if (!stands) return finish(gone);
      this.#leavingRoot = finish;
      this.#asker.askAndWait({ case: "leave", value: message({ dir: 0, remove: true }) }, (reply) => {
        const { error } = expectReply(reply, "done");
        this.#leavingRoot = undefined;
        finish(error && errorOf(error));
      });
    });
  }

  /** All is done but for the root, and nobody says whether that is gone: a further attempt might find no source. */
  #leaveUnknown(finish: (error: EngineError) => void, { message }: BlitError): void {
    this.#leavingRoot = undefined;
    finish({ code: "connection_lost", message: `Cannot remove the source: ${message}` });
  }

  pathOf(dir: number): string {
    return this.here.pathOf(dir);
  }

  stands(dir: number, done: (stands: boolean) => void): void {
    this.here.stands(dir, this.#counted(done));
  }

  progress(): Counters {
    const counters = this.here.progress();
    const ticks = counters.ticks + this.#sourceProgress;
    return { ...counters, ticks, retransmits: this.#retransmits, roundTripMs: this.#roundTripMs };
  }

  activate(workers: number): void {
    this.here.activate(workers);
  }

  async drain(round: () => number = () => 1000): Promise<void> {
    for (;;) {
      this.#takeArrived();
      while (this.here.dispatch());
      const waitMs = round();
      this.here.flush();
      this.#asker.send();
      if (this.here.stopped || this.#open === 0) return;
      if (this.#lost) {
        if (this.#leavingRoot === undefined) throw this.#lost;
        this.#leaveUnknown(this.#leavingRoot, this.#lost);
        continue;
      }
      if (this.#arrived.length + this.#later.length > 0) continue;
      const arrival = new Promise<void>((resolve) => this.#wake = resolve);
      this.#waitingForResults ??= this.here.wait(waitMs).finally(() => this.#waitingForResults = undefined);
      await Promise.race([arrival, this.#waitingForResults]);
    }
  }

  stop(): void {
    this.here.stop();
    this.#wake();
  }

  close(patienceMs?: number): Promise<boolean> {
    return this.here.close(patienceMs);
  }

  retireLane(): void {
    this.here.retireLane();
  }

  // --- asking ---

  #leave(dir: number): void {
    if (!this.#listed.delete(dir)) return;
    this.#asker.tell({ case: "leave", value: message({ dir, drop: true }) });
  }

  #takeArrived(): void {
    for (let answer = this.#later.shift(); answer !== undefined; answer = this.#later.shift()) answer();
    while (this.#arrived.length > 0) {
      const { answers, progress, bytesZeroCopy, retransmits, roundTripUs, lanesLost } = this.#arrived.shift()!;
      this.#retransmits = Math.max(this.#retransmits, Number(retransmits));
      if (lanesLost > this.#lanesLost) {
        this.laneTrouble ??= "the source lost a connection for content";
        this.#laneLost();
      }
      this.#lanesLost = Math.max(this.#lanesLost, lanesLost);
      this.#roundTripMs = Math.max(this.#roundTripMs, Number(roundTripUs) / 1000);
      this.#sourceProgress = Math.max(this.#sourceProgress, Number(progress));
      this.#bytesZeroCopy = Math.max(this.#bytesZeroCopy, Number(bytesZeroCopy));
      this.#asker.answered({ answers });
    }
  }

  #numberOf(batch: EntryBatch): number {
    return this.#batches.get(batch) ?? 0;
  }

  #counted<T>(done: (answer: T) => void): (answer: T) => void {
    this.#open++;
    return (answer) => {
      this.#open--;
      done(answer);
    };
  }
}

/** The sources stay: nobody knows where what came of them is now. */
const gone = engineError(GONE, STEP_REMOVE_SOURCE);

function errorOf(error: SourceError | undefined): EngineError {
  return engineError(error?.number ?? 0, error?.step ?? 0);
}

function added(a: ApplyAnswer, b: ApplyAnswer): ApplyAnswer {
  return {
    error: a.error ?? b.error,
    lost: a.lost | b.lost,
    done: a.done + b.done,
    bytes: a.bytes + b.bytes,
    details: [...a.details, ...b.details],
  };
}
