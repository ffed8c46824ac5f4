/**
 * How many connections carry content, found while they do: hill climbing on the measured rate. One more is tried, and stays if it
 * paid; where it did not, one fewer is tried after a while, and stays if it cost nothing.
 */

/** One more has to bring this much: less is the noise of a busy machine. */
const GAIN = 1.05;
/** One fewer may cost this much. */
const LOSS = 0.98;
/** The first second after a change belongs to neither side of it: TCP begins slowly. */
const SETTLING = 1;
const MEASURED = 2;
const PATIENCE_LEAST = 10;
const PATIENCE_MOST = 160;
/** Seconds with less say nothing about the connections. */
const QUIET_BYTES = 4 << 20;

export class LaneCount {
  #samples: number[] = [];
  #settling = SETTLING;
  /** Rate before the change that is being tried. */
  #before: number | undefined;
  #step: 1 | -1 = 1;
  #patience = PATIENCE_LEAST;
  #rest = 0;

  /** `count` connections are up; 1 to `most` may be. */
  constructor(public count: number, private readonly most: number) {}

  /** Takes the bytes of another second, and says how many connections there should be now. */
  next(bytes: number): number {
    if (bytes < QUIET_BYTES) {
      this.#samples = [];
      return this.count;
    }
    if (this.#settling > 0) {
      this.#settling--;
      return this.count;
    }
    this.#samples.push(bytes);
    if (this.#samples.length < MEASURED) return this.count;
    const rate = this.#samples.reduce((sum, sample) => sum + sample) / this.#samples.length;
    this.#samples = [];
    if (this.#before !== undefined) return this.#judge(rate, this.#before);
    this.#rest -= MEASURED;
    return this.#rest > 0 ? this.count : this.#try(rate);
  }

  #judge(rate: number, before: number): number {
    if (rate >= before * (this.#step > 0 ? GAIN : LOSS)) {
      this.#patience = PATIENCE_LEAST;
      return this.#try(rate);
    }
    this.#change(-this.#step);
    this.#turn();
    return this.count;
  }

  #try(rate: number): number {
    const wanted = this.count + this.#step;
    if (wanted < 1 || wanted > this.most) {
      this.#turn();
      return this.count;
    }
    this.#change(this.#step);
    this.#before = rate;
    return this.count;
  }

  #change(by: number): void {
    this.count += by;
    this.#settling = SETTLING;
  }

  #turn(): void {
    this.#before = undefined;
    this.#step = this.#step > 0 ? -1 : 1;
    this.#rest = this.#patience;
    this.#patience = Math.min(this.#patience * 2, PATIENCE_MOST);
  }
}
