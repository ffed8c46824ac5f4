/**
 * When the planner hands on what the scan has found. A state machine without a clock of its own: methods take the time.
 *
 * A full batch goes at once, and so does the first one, however small: no worker waits for the first tick. Between
 * those a tick flushes whatever is ready: every 1000 ms while workers have enough to do, every 500 ms from the moment they
 * starve until they have had enough for 3 s. What is left at the end of the scan the planner hands on without asking.
 */

import { formatCount } from "../base/units.ts";

export interface HeartbeatOptions {
  readonly relaxedMs: number;
  readonly tightMs: number;
  /** Entries of a full batch. */
  readonly fullEntries: number;
}

/** What the planner sees at one moment. */
export interface Load {
  /** Entries that are classified and not handed on. */
  readonly ready: number;
  /** Work items that wait for a worker. */
  readonly queued: number;
  readonly workers: number;
}

const defaults: HeartbeatOptions = { relaxedMs: 1000, tightMs: 500, fullEntries: 4096 };

/** So long without a starving worker, and the pace relaxes; a shorter time would make it swing. */
const CALM_MS = 3000;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #lastMs: number;
  #starvedMs = -Infinity;
  #flushed = false;

  constructor(nowMs: number, options: Partial<HeartbeatOptions> = {}) {
    this.#options = { ...defaults, ...options };
    this.#lastMs = nowMs;
  }

  /** How long to wait before `flushDue` is asked again, unless entries are found earlier. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#lastMs + this.#intervalMs(nowMs) - nowMs);
  }

  /** Whether to hand on what is ready, now. Ask whenever entries were found, and after `waitMs`. */
  flushDue(nowMs: number, load: Load): boolean {
    if (isStarving(load)) this.#starvedMs = nowMs;
    const tick = nowMs - this.#lastMs >= this.#intervalMs(nowMs);
    const due = load.ready > 0 && (tick || !this.#flushed || load.ready >= this.#options.fullEntries);
    if (tick || due) this.#lastMs = nowMs;
    if (due) this.#flushed = true;
    return due;
  }

  #intervalMs(nowMs: number): number {
    return nowMs - this.#starvedMs < CALM_MS ? this.#options.tightMs : this.#options.relaxedMs;
  }
}

/** Some worker has nothing to take next. */
function isStarving({ queued, workers }: Load): boolean {
  return queued < workers;
}

/** The planner's line for --verbose. */
export function planningLine(classified: number, queued: number): string {
  return `Planning ... ${formatCount(classified)} entries classified; queue depth ${formatCount(queued)}`;
}
