/**
 * Places for calls that run at once, and the line of those that wait for one: first come, first served.
 *
 * A turn's states: waiting -> running -> over, or over at once. Whoever takes a turn disposes of it, and with it of the place.
 */

/** More than that is no line any more. */
const lineMax = 1000;

export class Turns {
  readonly #running = new Set<Turn>();
  readonly #line: Turn[] = [];
  #closed = false;

  constructor(private readonly places: () => number) {}

  /** The last one in the line, or running where there is room; over where the line is too long or closed. */
  take(): Turn {
    const turn = new Turn(this.#line, () => this.#leave(turn));
    if (this.#closed || this.#line.length >= lineMax) turn.end();
    else this.#line.push(turn);
    this.#callIn();
    return turn;
  }

  /** Nobody gets a place any more. */
  close(): void {
    this.#closed = true;
    for (const turn of [...this.#line]) turn.end();
  }

  #leave(turn: Turn): void {
    this.#running.delete(turn);
    const at = this.#line.indexOf(turn);
    if (at >= 0) this.#line.splice(at, 1);
    this.#callIn();
  }

  #callIn(): void {
    while (this.#line.length > 0 && this.#running.size < this.places()) {
      const turn = this.#line.shift()!;
      this.#running.add(turn);
      turn.begin();
    }
  }
}

export class Turn implements Disposable {
  state: "waiting" | "running" | "over" = "waiting";
  #settle = () => {};
  readonly #settled = new Promise<void>((resolve) => this.#settle = resolve);

  constructor(private readonly line: readonly Turn[], private readonly leave: () => void) {}

  /** How many are before it in the line. */
  get ahead(): number {
    return Math.max(0, this.line.indexOf(this));
  }

  /** Whether it runs: now, or after at most so long. */
  async runsWithin(ms: number): Promise<boolean> {
    if (this.state === "waiting") {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
      await Promise.race([this.#settled, late]);
      clearTimeout(timer);
    }
    return this.state === "running";
  }

  begin(): void {
    this.state = "running";
    this.#settle();
  }

  end(): void {
    if (this.state === "over") return;
    this.state = "over";
    this.leave();
    this.#settle();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
