/**
 * The destination's role in a transfer: the same run as a local one, over an engine whose source is on another machine.
 */

import { BlitError } from "../base/errors.ts";
import type { EventSink, Progress, Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import { openingMs } from "../native/aside.ts";
import { type DestinationEngine, openDestinationEngine } from "../native/destination_engine.ts";
import { ConnectionLost, LanesUseless } from "../carrier/liveness.ts";
import { type Stall, stallMessage } from "../plan/stall.ts";
import { compileFilter } from "../scan/filter.ts";
import { bottleneckLine } from "../tune/bottleneck.ts";
import type { SourceAnswers, SourceRequests } from "../wire/gen/blit/v1/source_pb.ts";
import type { Claims } from "./claims.ts";
import { type DestinationLook, lookAtDestination } from "./destination_look.ts";
import { mountDoubtsOf } from "./doubts.ts";
import { LARGE_BYTES } from "./large_files.ts";
import { RemoteEngine } from "./remote_engine.ts";
import { judgesRoom, Room } from "./room.ts";
import type { RunningJob } from "./run.ts";
import { Tally } from "./tally.ts";
import { type RootState, TreeRun } from "./tree_run.ts";
import { recordOf, tuneRemote, type Tuning } from "./tuning.ts";

/** What the client of a transfer reads that somebody stopped at the daemon. */
export const CANCELLED = "The transfer was cancelled at the daemon";

/** How long a broken-off run waits for its workers to return. */
const HANGING_MS = 1000;
const STALL_HINT = "Check the network, the other machine and the disks of both; --stall-timeout allows more time.";
const INLINE_HINT = "Where only the control port leads to the daemon, use --force-inline.";

export interface RemotePlacement {
  /** A directory that can be opened; undefined only where it is missing and the run changes nothing. */
  readonly destinationRoot?: string;
  /** Where its users look for it, or will; the root may be given by another path. */
  readonly destinationPath?: string;
  /** It was not there before this run. */
  readonly fresh: boolean;
  /** It counts as created by this run. */
  readonly counted: boolean;
  readonly backupRoot?: string;
  /** Only this entry, with its names on both sides. */
  readonly entry?: { readonly source: string; readonly destination: string };
  /** What filters see before an entry's path: "" or "name/". */
  readonly filterPrefix: string;
  /** A move removes the source's root itself, too. */
  readonly removeRoot: boolean;
  /** What would give rights to the sender is not given: see EngineConfig. */
  readonly withhold?: boolean;
  /** Where other sources of the job lead into the same tree. */
  readonly claims?: Claims;
}

export interface DestinationRole extends RunningJob {
  /** What the source answers. */
  handle(answers: SourceAnswers): void;
  /** A blocking socket's descriptor, which is the role's from now on. Resolves when the lane has ended; whether in order. */
  addLane(descriptor: number): Promise<boolean>;
  /** Ends one lane in order, unless it is the last. */
  retireLane(): void;
  bytesMoved(): number;
  /** The source is gone, or this side is about to be: `done` rejects with this. */
  lost(error: BlitError): void;
  /** Somebody else than the client asks to stop: `done` resolves with the status "failed". */
  cancel(): void;
}

export interface DestinationOptions {
  readonly job: Job;
  readonly placement: RemotePlacement;
  /** How many threads it may have of those that it wants, at least one; all of them where it shares the machine with nobody. */
  grantWorkers?(wanted: number): number;
  ask(requests: SourceRequests): void;
  readonly sink: EventSink;
}

/** What a role needs before it starts: its engine over roots that are open, and what there is to know of them. */
export interface OpenedDestination {
  readonly look: DestinationLook;
  readonly tuning: Tuning;
  readonly engine: DestinationEngine;
}

/** Raises BlitError when a root cannot be opened or its file system does not answer, or without the shim. */
export async function openDestination(
  { job, placement, grantWorkers }: Pick<DestinationOptions, "job" | "placement" | "grantWorkers">,
): Promise<OpenedDestination> {
  const look = await lookAtDestination(job, placement);
  const wished = tuneRemote(job, look.closest);
  const workersMax = grantWorkers?.(wished.sizing.workersMax) ?? wished.sizing.workersMax;
  const sizing = { ...wished.sizing, workersMax, workers: Math.min(wished.sizing.workers, workersMax) };
  const engine = await openDestinationEngine({
    destination: placement.destinationRoot,
    destinationPath: placement.destinationPath,
    backup: placement.backupRoot,
    workers: sizing.workersMax,
    bytesPerSecond: 0, // the source keeps to the limit
    largeBytes: LARGE_BYTES,
    bufferBytes: sizing.bufferBytes,
    verify: job.verify,
    fsync: job.fsync,
    discard: false,
    move: job.verb === "move" && !job.dryRun,
    readOnly: job.dryRun || job.verb === "check",
    oneFileSystem: job.oneFileSystem,
    keepMounts: job.verb === "mirror",
    resume: job.network?.resume,
    withhold: placement.withhold,
  }, openingMs(job.stallTimeoutMs));
  if (engine === undefined) {
    throw new BlitError(
      "failed",
      "Cannot copy between machines: the native library is missing",
      "Install a C compiler and try again.",
    );
  }
  return { look, tuning: { ...wished, sizing }, engine };
}

/** Starts at once. */
export function startDestination(options: DestinationOptions, opened: OpenedDestination): DestinationRole {
  return new Destination(options, opened);
}

class Destination implements DestinationRole {
  readonly done: Promise<Summary>;
  readonly #tally: Tally;
  readonly #tuning: Tuning;
  readonly #engine: RemoteEngine;
  readonly #run: TreeRun;
  readonly #startedAt = new Date();
  #lanes = 0;
  #lanesMost = 0;
  #stopped = false;
  #interrupted = false;
  #over = false;

  constructor(private readonly options: DestinationOptions, { look, tuning, engine }: OpenedDestination) {
    const { job, placement, sink } = options;
    const readOnly = job.dryRun || job.verb === "check";
    this.#tally = new Tally(job, sink);
    if (job.verb !== "check") {
      for (const { kind, message } of mountDoubtsOf(look.path)) this.#tally.notice(kind, message);
    }
    this.#tuning = tuning;
    const { destination, sizing } = tuning;
    this.#tally.takeRoute(tuning.route, sizing.workers);
    this.#tally.planner(sizing.reason);
    this.#engine = new RemoteEngine(engine, {
      move: job.verb === "move" && !job.dryRun,
      plainAttributes: placement.withhold === true || Deno.uid() !== 0,
      root: look.root,
      ask: options.ask,
      brokenOff: (requests) => this.#tally.planner(`A connection broke; ${requests} requests are made again`),
    });
    const disks = destination.profile.device === undefined ? [] : [destination.profile.device];
    const root: RootState = {
      exists: placement.destinationRoot !== undefined,
      fresh: placement.fresh,
      counted: placement.counted,
      claims: placement.claims,
      removeSource: placement.removeRoot ? (done) => this.#engine.removeRoot(done) : undefined,
      disks,
      room: judgesRoom(job, destination.profile.kind, false)
        ? Room.asking(look.free, () => look.freeNow(), engine, readOnly)
        : undefined,
      giveUp: (stall: Stall, cause: string | undefined) => this.#stalled(stall, cause),
      ...sizing,
      workers: Math.max(sizing.workers, sizing.lanes),
    };
    const filter = compileFilter(job.filter, Date.now());
    this.#run = new TreeRun(
      job,
      { sourceRoot: "", ...placement },
      filter,
      this.#engine,
      this.#tally,
      root,
    );
    this.done = this.#execute();
  }

  #stalled(stall: Stall, cause: string | undefined): ConnectionLost {
    const { laneTrouble } = this.#engine;
    if (this.#engine.progress().bytesMoved > 0) {
      return new ConnectionLost("failed", stallMessage(stall, laneTrouble ?? cause), STALL_HINT);
    }
    const why = laneTrouble ?? cause ?? "nothing came through a connection for content";
    return new LanesUseless("failed", stallMessage(stall, why), `${STALL_HINT} ${INLINE_HINT}`);
  }

  async #execute(): Promise<Summary> {
    // The caller gets its handle before anything can fail.
    await Promise.resolve();
    let patienceMs: number | undefined = HANGING_MS;
    try {
      if (!this.#stopped) await this.#run.execute();
      patienceMs = undefined;
      return this.#conclude();
    } catch (error) {
      this.#conclude("failed");
      throw error;
    } finally {
      this.#over = true;
      if (patienceMs !== undefined) this.#engine.stop();
      await this.#engine.close(patienceMs);
    }
  }

  #conclude(status?: "failed"): Summary {
    const tally = this.#tally;
    const counters = this.#engine.progress();
    const { retransmits, roundTripMs } = counters;
    tally.addCounters(counters);
    const summary = tally.summary(this.#interrupted);
    const record = recordOf(this.#tuning, { ...summary, status: status ?? summary.status }, tally, this.#startedAt);
    const failed = this.#tuning.learning.remember({ ...record, lanes: this.#lanesMost });
    if (failed) tally.planner(`The run was not recorded: ${failed.message}`);
    return {
      ...summary,
      lanes: this.#lanesMost,
      bytesZeroCopy: this.#engine.bytesZeroCopy,
      retransmits,
      roundTripMs,
      bottleneck: this.options.job.bandwidthLimit > 0 ? undefined : bottleneckLine(record),
    };
  }

  progress(): Progress {
    if (this.#over) return this.#tally.progress(undefined, undefined);
    const live = this.#engine.progress();
    const { retransmits = 0, roundTripMs = 0 } = live;
    const network = { lanes: this.#lanes, retransmits, roundTripMs };
    return { ...this.#tally.progress(live, this.#run.currentPath()), network };
  }

  retireLane(): void {
    if (!this.#over) this.#engine.retireLane();
  }

  bytesMoved(): number {
    return this.#over ? 0 : this.#engine.progress().bytesMoved;
  }

  stop(): void {
    if (this.#stopped || this.#over) return;
    this.#interrupted = true;
    this.#halt();
  }

  cancel(): void {
    if (this.#stopped || this.#over) return;
    this.#tally.cannotGoOn("cancelled", CANCELLED);
    this.#halt();
  }

  #halt(): void {
    this.#stopped = true;
    this.#engine.stop();
  }

  handle(answers: SourceAnswers): void {
    if (!this.#over) this.#engine.handle(answers);
  }

  lost(error: BlitError): void {
    if (!this.#over) this.#engine.lost(error);
  }

  async addLane(descriptor: number): Promise<boolean> {
    this.#lanes++;
    this.#lanesMost = Math.max(this.#lanesMost, this.#lanes);
    const orderly = await this.#engine.addLane(descriptor);
    this.#lanes--;
    return orderly;
  }
}
