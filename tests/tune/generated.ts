/** Figures for generated histories, the same in every run. */

import { Random } from "../support/random.ts";

export class Figures {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** From 0 up to 1. */
  share(): number {
    return this.#random.below(1e9) / 1e9;
  }

  /** Every order of magnitude between the two is as likely as any other. */
  between(low: number, high: number): number {
    return low * (high / low) ** this.share();
  }

  /** About 1, with that relative spread. */
  around(spread: number): number {
    return Math.exp(spread * 2 * (this.share() + this.share() + this.share() - 1.5));
  }
}
