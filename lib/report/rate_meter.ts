/** Remembers the last seconds of a growing figure, to say how fast it grows now. Knows no clock of its own. */

/** Rates are figures per second; times are milliseconds that count from anywhere. */
export class RateMeter {
  readonly #rememberMs: number;
  readonly #samples: { atMs: number; value: number }[] = [];

  /** `rememberMs`: the longest window that `rate` will be asked for. */
  constructor(rememberMs: number) {
    this.#rememberMs = rememberMs;
  }

  add(atMs: number, value: number): void {
    this.#samples.push({ atMs, value });
    // One sample older than the window stays, so that the window is always covered whole.
    while (this.#samples.length > 2 && this.#samples[1].atMs <= atMs - this.#rememberMs) this.#samples.shift();
  }

  /** Growth over the last `windowMs`, or over less where less is known; 0 before the second sample. */
  rate(windowMs: number): number {
    const last = this.#samples.at(-1);
    if (last === undefined) return 0;
    const from = this.#samples.findLast((sample) => sample.atMs <= last.atMs - windowMs) ?? this.#samples[0];
    const elapsedMs = last.atMs - from.atMs;
    return elapsedMs > 0 ? (last.value - from.value) * 1000 / elapsedMs : 0;
  }
}
