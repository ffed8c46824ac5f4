/**
 * How long a counter has not grown. Without a clock of its own: methods take the time. Time in which this process itself stood still
 * (stopped by the user, machine asleep) counts for little: a gap between two looks counts for a second at most.
 */

/** Looks come several times a second. What a longer gap holds beyond this, this process has slept through. */
const GAP_MAX_MS = 1000;

export class Stillness {
  #amount = 0;
  #forMs = 0;

  constructor(private lastMs: number) {}

  /** `excused`: nothing is meant to come now. Returns milliseconds. */
  look(nowMs: number, amount: number, excused = false): number {
    const gapMs = nowMs - this.lastMs;
    this.#forMs = excused || amount !== this.#amount ? 0 : this.#forMs + Math.min(gapMs, GAP_MAX_MS);
    this.lastMs = nowMs;
    this.#amount = amount;
    return this.#forMs;
  }
}
