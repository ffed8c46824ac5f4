/**
 * Notices when nothing moves. A state machine without a clock of its own: methods take the time.
 *
 * It is shown counters that only grow. Where none has grown for 1 s that is a note, after 10 s the end of the run. Pauses that a
 * bandwidth limit demands count as work, and time that this process slept through is no stall.
 */

import { BlitError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { Stillness } from "../base/stillness.ts";

export interface StallOptions {
  /** Without progress for so long, the run is given up. Infinity: never. */
  readonly abortMs: number;
  readonly noteMs: number;
}

/** What the run shows at one look. */
export interface Sighting {
  /** Entries the planner has classified. */
  readonly planned: number;
  /** What workers have done: bytes, files, finished items, in any one sum that grows with each. */
  readonly worked: number;
  /** What is under way, if known. */
  readonly path?: string;
}

export interface Stall {
  readonly kind: "note" | "abort";
  readonly forMs: number;
  readonly path?: string;
}

const defaults: StallOptions = { abortMs: 10_000, noteMs: 1000 };

export class StallDetector {
  readonly #options: StallOptions;
  readonly #run: Stillness;
  #noted = false;
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
  look(nowMs: number, { planned, worked, path }: Sighting): Stall | undefined {
    const forMs = this.#run.look(nowMs, planned + worked);
    if (forMs >= this.#options.abortMs && !this.#aborted) {
      this.#aborted = true;
      return { kind: "abort", forMs, path };
    }
    if (forMs < this.#options.noteMs) {
      this.#noted = false;
      return undefined;
    }
    if (this.#noted) return undefined;
    this.#noted = true;
    this.#stalls++;
    return { kind: "note", forMs, path };
  }
}

/** `No progress for 1.2 s at "a/b": 3 requests wait in sda`, for --verbose. `cause`: what the system tells, if anything. */
export function stallLine({ forMs, path }: Stall, cause?: string): string {
  const where = path === undefined ? "" : ` at "${printablePath(path)}"`;
  return `No progress for ${(forMs / 1000).toFixed(1)} s${where}${cause === undefined ? "" : `: ${cause}`}`;
}

/** What ends a run that stands still. `option`: the one that allows more time. */
export function stallError(stall: Stall, option: string, cause?: string): BlitError {
  return new BlitError(
    "failed",
    stallMessage(stall, cause),
    `Check that its disk or network mount still answers and that no fifo stands there; ${option} allows more time.`,
  );
}

export function stallMessage({ forMs, path }: Stall, cause?: string): string {
  const where = path === undefined ? "the run" : `"${printablePath(path)}"`;
  const seconds = Math.round(forMs / 1000);
  return `Cannot go on with ${where}: no progress for ${seconds} s${cause === undefined ? "" : ` (${cause})`}`;
}
