/**
 * How many workers a run goes on with, from what it measures itself: hill climbing over whole seconds.
 *
 * It starts from what the sizing suggests. Once a second it looks at the rate; after a calm start it tries one step up, keeps it
 * when the rate rose by more than the noise and goes on, else steps back and leaves it for a while. A state machine without a
 * clock of its own: methods take the time.
 */

/** One look covers so long; shorter ones measure bursts of the page cache. */
const SPAN_MS = 1000;
/** A step that gains less is noise. Two in a hundred would be worth having, but cannot be told apart on a busy machine. */
const GAIN_MIN = 0.05;
/** Spans at rest after a step that did not pay, doubled each time. */
const REST_FIRST = 4;
const REST_MAX = 64;

export class WorkerClimber {
  #workers: number;
  #sinceMs: number;
  #amount = 0;
  /** Rate before the step that is being tried; undefined when none is. */
  #before: number | undefined;
  #rest = 1;
  #pause = REST_FIRST;

  constructor(start: number, private readonly max: number, nowMs: number) {
    this.#workers = Math.min(Math.max(start, 1), max);
    this.#sinceMs = nowMs;
  }

  get workers(): number {
    return this.#workers;
  }

  /** `amount`: work done so far, in any unit that grows with it. True where the number of workers changed. */
  look(nowMs: number, amount: number): boolean {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < SPAN_MS) return false;
    const rate = (amount - this.#amount) / elapsedMs;
    this.#sinceMs = nowMs;
    this.#amount = amount;
    if (this.#before !== undefined) return this.#judge(rate, this.#before);
    if (this.#rest-- > 0) return false;
    return this.#try(rate);
  }

  #try(rate: number): boolean {
    if (rate <= 0 || this.#workers === this.max) return false;
    this.#before = rate;
    this.#workers++;
    return true;
  }

  #judge(rate: number, before: number): boolean {
    this.#before = undefined;
    if (rate > before * (1 + GAIN_MIN)) {
      this.#pause = REST_FIRST;
      return this.#try(rate);
    }
    this.#workers--;
    this.#rest = this.#pause;
    this.#pause = Math.min(this.#pause * 2, REST_MAX);
    return true;
  }
}
