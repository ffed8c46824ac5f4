/**
 * Waiting for the shim. However much is waited for, one call at a time blocks for it on a thread of the runtime (native/waiter.c).
 */

import type { Library } from "./library.ts";

/** So much can be ready at once; the rest comes with the next call. */
const READY_MAX = 64;

export class Waiter {
  readonly #calls: Library["symbols"];
  readonly #waiter: Deno.PointerObject;
  readonly #open = new Map<number, () => void>();
  readonly #ready = new BigUint64Array(READY_MAX);
  #lastToken = 0;
  #calling = false;

  constructor(calls: Library["symbols"]) {
    this.#calls = calls;
    const out = new BigUint64Array(1);
    const status = calls.blit_waiter_open(new Uint8Array(out.buffer));
    if (status < 0n) throw new RangeError(`No pipe can be had (${status})`);
    this.#waiter = Deno.UnsafePointer.create(out[0])!;
  }

  /** Resolves when results of the engine are worth a look, it is stopped, or, once it closes, its threads have ended; `ms` at most. */
  engine(engine: Deno.PointerObject, ms: number): Promise<void> {
    const token = ++this.#lastToken;
    this.#calls.blit_wait_engine(this.#waiter, engine, BigInt(token), BigInt(Math.ceil(ms)));
    return this.#until(token);
  }

  /** Resolves when the descriptor is readable, or writable, or at its end; `ms` at most. It must not be closed before. */
  descriptor(descriptor: number, to: "read" | "write", ms: number): Promise<void> {
    const token = ++this.#lastToken;
    const [writing, timeout] = [to === "write" ? 1n : 0n, BigInt(Math.ceil(ms))];
    this.#calls.blit_wait_descriptor(this.#waiter, descriptor, writing, BigInt(token), timeout);
    return this.#until(token);
  }

  #until(token: number): Promise<void> {
    const ready = new Promise<void>((resolve) => this.#open.set(token, resolve));
    if (!this.#calling) void this.#wait();
    return ready;
  }

  async #wait(): Promise<void> {
    const bytes = new Uint8Array(this.#ready.buffer);
    this.#calling = true;
    while (this.#open.size > 0) {
      const count = Number(await this.#calls.blit_wait(this.#waiter, bytes, BigInt(READY_MAX)));
      for (const token of this.#ready.subarray(0, count)) {
        const resolve = this.#open.get(Number(token))!;
        this.#open.delete(Number(token));
        resolve();
      }
    }
    this.#calling = false;
  }
}

let ofThisProcess: Waiter | undefined;

/** The one that everything shares. */
export function waiter(calls: Library["symbols"]): Waiter {
  return ofThisProcess ??= new Waiter(calls);
}
