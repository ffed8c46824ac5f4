/**
 * A lane inside the control channel, for where no connection of its own can be made. The role gets one end of a socket pair and
 * notices no difference; what it writes to that comes out through `send`, what the other side sent goes in through `receive`.
 */

import { closeDescriptor, readDescriptor, shutDescriptor, socketPair, writeDescriptor } from "../native/descriptors.ts";

const pieceBytes = 256 * 1024;

export class InlineLane {
  /** For the role, which closes it. */
  readonly descriptor: number;
  /** Settles when the lane is over. */
  readonly ended: Promise<void>;
  readonly #end: number;
  #open = true;
  #writing: Promise<boolean> = Promise.resolve(true);

  /** `send` resolves when the carrier took the bytes; none are sent at the end. Raises BlitError (failed). */
  constructor(private readonly send: (data: Uint8Array) => Promise<void>) {
    [this.descriptor, this.#end] = socketPair();
    this.ended = this.#pump();
  }

  async #pump(): Promise<void> {
    const room = new Uint8Array(pieceBytes);
    while (this.#open) {
      const length = await readDescriptor(this.#end, room);
      if (length === 0) break;
      await this.send(room.slice(0, length));
    }
    this.end();
    await this.#writing;
    closeDescriptor(this.#end);
    await this.send(new Uint8Array());
  }

  /** Resolves when the role took the bytes; an empty piece ends the lane. */
  async receive(data: Uint8Array): Promise<void> {
    if (data.length === 0) return this.end();
    if (!this.#open) return;
    this.#writing = writeDescriptor(this.#end, data as Uint8Array<ArrayBuffer>);
    if (!await this.#writing) this.end();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    shutDescriptor(this.#end);
  }
}
