/**
 * Messages on their way into a stream: whoever sends puts them in, the carrier takes them out one by one. `send` resolves when the
 * carrier took the message, so a sender that waits for it never runs ahead of the connection.
 */

export class MessageStream<T> implements AsyncIterable<T> {
  readonly #queue: { readonly message: T; readonly taken: () => void }[] = [];
  #wake = () => {};
  #ended = false;

  /** Nothing waits to be taken. */
  get idle(): boolean {
    return this.#queue.length === 0;
  }

  /** Messages after the end are dropped. */
  send(message: T): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((taken) => {
      this.#queue.push({ message, taken });
      this.#wake();
    });
  }

  /** The carrier's side ends once everything is taken. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        while (this.#queue.length > 0) {
          yield this.#queue[0].message;
          this.#queue.shift()!.taken();
        }
        if (this.#ended) return;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      this.#ended = true;
      for (const { taken } of this.#queue.splice(0)) taken();
    }
  }
}
