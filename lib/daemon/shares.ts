/**
 * What all transfers of a daemon share: threads, or connections for content. Who comes when many run gets fewer, and always one, so that
 * every transfer gets on, and no client can take what is there for itself.
 */

export interface Share extends Disposable {
  readonly count: number;
}

export class Shares {
  #given = 0;

  constructor(private readonly total: () => number) {}

  /** As many as wanted, at most half of what is left, at least one; until it is disposed of. */
  take(wanted: number): Share {
    const left = Math.max(0, this.total() - this.#given);
    const count = Math.max(1, Math.min(wanted, Math.floor(left / 2)));
    this.#given += count;
    let kept = true;
    return {
      count,
      [Symbol.dispose]: () => {
        if (kept) this.#given -= count;
        kept = false;
      },
    };
  }
}
