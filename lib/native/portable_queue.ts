/**
 * The work of the portable engine: lanes that each carry out one piece at a time, all on this thread, so that as many calls
 * to the system are under way at once as there are lanes.
 *
 * Urgent work (listings, settles: it makes more work or frees memory) goes before plain work; within each, first come, first
 * served.
 */

/** What belongs to one lane: buffers that whatever it carries out may use until it is done. */
export class Lane {
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #second: Uint8Array<ArrayBuffer> | undefined;

  constructor(readonly bufferBytes: number) {}

  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#buffer ??= new Uint8Array(this.bufferBytes);
  }
  get second(): Uint8Array<ArrayBuffer> {
    return this.#second ??= new Uint8Array(this.bufferBytes);
  }
}

/** `count` pieces (at least one), which lanes share. `run` must not reject. */
export interface Work {
  readonly count: number;
  run(lane: Lane, piece: number): Promise<void>;
}

type Piece = (lane: Lane) => Promise<void>;

class Line {
  readonly #works: Work[] = [];
  #first = 0;
  #piece = 0;

  add(work: Work): void {
    this.#works.push(work);
  }

  next(): Piece | undefined {
    const work = this.#works[this.#first];
    if (!work) return undefined;
    const piece = this.#piece++;
    if (this.#piece === work.count) this.#advance();
    return (lane) => work.run(lane, piece);
  }

  #advance(): void {
    this.#piece = 0;
    this.#first++;
    // Taking from the front of an array costs its length, so it is done once in a while.
    if (this.#first < 1000 && this.#first < this.#works.length) return;
    this.#works.splice(0, this.#first);
    this.#first = 0;
  }
}

export class WorkQueue {
  readonly #urgent = new Line();
  readonly #plain = new Line();
  readonly #waiting: ((piece: Piece | undefined) => void)[] = [];
  readonly #lanes: Promise<void[]>;
  #stopped = false;
  #closing = false;

  constructor(lanes: number, bufferBytes: number) {
    this.#lanes = Promise.all(Array.from({ length: lanes }, () => this.#live(new Lane(bufferBytes))));
  }

  add(work: Work, urgent: boolean): void {
    (urgent ? this.#urgent : this.#plain).add(work);
    while (this.#waiting.length > 0) {
      const piece = this.#next();
      if (!piece) return;
      this.#waiting.pop()!(piece);
    }
  }

  #next(): Piece | undefined {
    return this.#stopped ? undefined : this.#urgent.next() ?? this.#plain.next();
  }

  async #live(lane: Lane): Promise<void> {
    while (true) {
      const piece = this.#next() ?? await this.#wait();
      if (!piece) return;
      await piece(lane);
    }
  }

  #wait(): Promise<Piece | undefined> | undefined {
    if (this.#stopped || this.#closing) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing more is begun. */
  stop(): void {
    this.#stopped = true;
    this.#wakeAll();
  }

  /** Waits until everything queued is done (after `stop`: until what was begun is done). */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wakeAll();
    await this.#lanes;
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake(undefined);
  }
}
