/**
 * Watches a run ten times a second: gives it up when nothing moves, and adds workers as long as that pays.
 */

import type { Job } from "../model/job.ts";
import type { Engine } from "../native/engine.ts";
import { type Stall, StallDetector, stallLine } from "../plan/stall.ts";
import { WorkerClimber } from "../tune/climber.ts";
import { type DiskCounters, diskCounters, diskStallCause } from "../tune/io_counters.ts";
import type { Tally } from "./tally.ts";

export const LOOK_EVERY_MS = 100;

/** What a small file costs, in bytes of a large one: the rate is measured in one sum. About 6 us against 3 GB/s. */
const FILE_WORTH_BYTES = 16_384;

/** How far back the disks' counters are compared when a run stands still. */
const DISKS_EVERY_MS = 1000;

export interface WatchOptions {
  /** To start with, and as far as the run may go up. */
  readonly workers: number;
  readonly workersMax: number;
  /** The kernel's names of the disks of both sides, where known. */
  readonly disks: readonly string[];
  /** What a run that stands still ends with. `cause`: what the disks tell. */
  giveUp(stall: Stall, cause: string | undefined): Error;
}

export class Watch {
  readonly #stall: StallDetector;
  readonly #climber: WorkerClimber;
  #lookedMs = 0;
  #disksMs = -Infinity;
  #disks = new Map<string, DiskCounters>();

  constructor(
    private readonly job: Job,
    private readonly engine: Engine,
    private readonly tally: Tally,
    private readonly options: WatchOptions,
    nowMs: number,
  ) {
    this.#stall = new StallDetector(nowMs, { abortMs: job.stallTimeoutMs });
    this.#climber = new WorkerClimber(options.workers, options.workersMax, nowMs);
    if (options.workersMax > options.workers) engine.activate(options.workers);
  }

  /**
   * `planned` and `answered` are counters that grow with the run; `path` tells what is under way. Raises `giveUp` when nothing
   * has moved for too long.
   */
  look(nowMs: number, planned: number, answered: number, path: () => string | undefined): void {
    if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = nowMs;
    const { bytesMoved, files, ticks } = this.engine.progress();
    const stall = this.#stall.look(nowMs, {
      planned,
      worked: bytesMoved + files + ticks + answered,
      path: path(),
    });
    if (stall?.kind === "abort") throw this.options.giveUp(stall, this.#cause());
    if (stall) {
      this.tally.stalls++;
      this.tally.planner(stallLine(stall, this.#cause()));
    }
    this.#rememberDisks(nowMs);
    if (this.#climber.look(nowMs, bytesMoved + files * FILE_WORTH_BYTES)) this.#useWorkers(this.#climber.workers);
  }

  #useWorkers(workers: number): void {
    this.engine.activate(workers);
    this.tally.workers = workers;
  }

  #rememberDisks(nowMs: number): void {
    if (nowMs - this.#disksMs < DISKS_EVERY_MS) return;
    this.#disksMs = nowMs;
    for (const disk of this.options.disks) {
      const counters = diskCounters(disk);
      if (counters) this.#disks.set(disk, counters);
    }
  }

  /** What the disks tell about a standstill. */
  #cause(): string | undefined {
    for (const [disk, before] of this.#disks) {
      const now = diskCounters(disk);
      const cause = now && diskStallCause(disk, before, now);
      if (cause) return cause;
    }
    return undefined;
  }
}
