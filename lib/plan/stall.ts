/**
 * Notices when nothing moves. A state machine without a clock of its own: methods take the time.
 *
 * It is shown counters that only grow. Where none has grown for 1 s that is a note, after 10 s the end of the run. A lane
 * of the data plane that was fast is noted after 100 ms. Waiting on purpose is no stall, and neither is the time that
 * this process itself stood still (stopped by the user, machine asleep): a gap between two looks counts for little.
 */

import { BlitError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";

export interface StallOptions {
  /** Without progress for so long, the run is given up. Infinity: never. */
  readonly abortMs: number;
  readonly noteMs: number;
  readonly laneNoteMs: number;
}

/** What the run shows at one look. */
export interface Sighting {
  /** Entries the planner has classified. */
  readonly planned: number;
  /** What workers have done: bytes, files, finished items, in any one sum that grows with each. */
  readonly worked: number;
  /** What is under way, if known. */
  readonly path?: string;
  /** Nothing is meant to move: a question is open, the bandwidth limit holds, all is done. */
  readonly waitsOnPurpose?: boolean;
}

export interface Stall {
  readonly kind: "note" | "abort";
  readonly forMs: number;
  /** The lane's number; absent when the whole run stands still. */
  readonly lane?: number;
  readonly path?: string;
}

const defaults: StallOptions = { abortMs: 10_000, noteMs: 1000, laneNoteMs: 100 };

/** Looks come at 10 Hz. What a longer gap holds beyond this, this process has slept through. */
const GAP_MAX_MS = 1000;

/** Bytes per second of a lane whose silence says something. */
const FAST_LANE = 10_000_000;

export class StallDetector {
  readonly #options: StallOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #run: Stillness;
  #aborted = false;
  #stalls = 0;

  constructor(nowMs: number, options: Partial<StallOptions> = {}) {
    this.#options = { ...defaults, ...options };
    this.#run = new Stillness(nowMs);
  }

  /** Stalls noted so far, each once however long it lasted. */
  get stalls(): number {
    return this.#stalls;
  }

  /** The stall that begins with this look, if one does; `abort` comes once, after its note. */
  look(nowMs: number, { planned, worked, path, waitsOnPurpose }: Sighting): Stall | undefined {
    const forMs = this.#run.look(nowMs, planned + worked, waitsOnPurpose === true);
    if (forMs >= this.#options.abortMs && !this.#aborted) {
      this.#aborted = true;
      return { kind: "abort", forMs, path };
    }
    return this.#note(this.#run, forMs, this.#options.noteMs, { path });
  }

  /** The same for a lane. `bytes` it has moved so far; `busy`: it has something to move. */
  lookAtLane(nowMs: number, lane: number, bytes: number, busy: boolean): Stall | undefined {
    const known = this.#lanes.get(lane);
    if (known === undefined) {
      this.#lanes.set(lane, new Lane(nowMs, bytes));
      return undefined;
    }
    const forMs = known.look(nowMs, bytes, !busy);
    return known.wasFast ? this.#note(known, forMs, this.#options.laneNoteMs, { lane }) : undefined;
  }

  #note(of: Stillness, forMs: number, fromMs: number, where: Pick<Stall, "lane" | "path">): Stall | undefined {
    if (forMs < fromMs || of.noted) return undefined;
    of.noted = true;
    this.#stalls++;
    return { kind: "note", forMs, ...where };
  }
}

/** How long a counter has not grown. */
class Stillness {
  /** This standstill was told. */
  noted = false;
  #amount: number;
  #lastMs: number;
  #forMs = 0;

  constructor(nowMs: number, amount = 0) {
    this.#lastMs = nowMs;
    this.#amount = amount;
  }

  look(nowMs: number, amount: number, excused: boolean): number {
    const gapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (excused || amount !== this.#amount) {
      if (!excused) this.moved(amount - this.#amount, gapMs);
      this.#forMs = 0;
      this.noted = false;
    } else {
      this.#forMs += Math.min(gapMs, GAP_MAX_MS);
    }
    this.#amount = amount;
    return this.#forMs;
  }

  protected moved(_amount: number, _forMs: number): void {}
}

/** A lane remembers how fast it was when it last moved. */
class Lane extends Stillness {
  #bytesPerSecond = 0;

  get wasFast(): boolean {
    return this.#bytesPerSecond >= FAST_LANE;
  }

  protected override moved(bytes: number, forMs: number): void {
    if (forMs > 0) this.#bytesPerSecond += 0.3 * (bytes * 1000 / forMs - this.#bytesPerSecond);
  }
}

/** `No progress for 1.2 s at "a/b": 3 requests wait in sda`, for --verbose. `cause`: what the system tells, if anything. */
export function stallLine({ forMs, lane, path }: Stall, cause?: string): string {
  const where = lane !== undefined ? ` on lane ${lane}` : path !== undefined ? ` at "${printablePath(path)}"` : "";
  return `No progress for ${(forMs / 1000).toFixed(1)} s${where}${cause === undefined ? "" : `: ${cause}`}`;
}

/** What ends a run that stands still. `option`: the one that allows more time. */
export function stallError({ forMs, path }: Stall, option: string, cause?: string): BlitError {
  const where = path === undefined ? "the run" : `"${printablePath(path)}"`;
  const seconds = Math.round(forMs / 1000);
  return new BlitError(
    "failed",
    `Cannot go on with ${where}: no progress for ${seconds} s${cause === undefined ? "" : ` (${cause})`}`,
    `Check that its disk or network mount still answers and that no fifo stands there; ${option} allows more time.`,
  );
}
