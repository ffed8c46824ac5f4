/** Repeatable random numbers for the tests: a failure names its seed and can be made again. */

/** A small, fast generator (xorshift32); not for anything but tests. */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = (seed * 2654435761 + 1) >>> 0 || 1;
  }
  /** An integer from 0 to limit - 1. */
  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state % limit;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }
}
