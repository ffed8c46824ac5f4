/**
 * Waiting for the shim. However much is waited for, one call at a time blocks for it on a thread of the runtime (native/waiter.c).
 */

import { type Aside, ASIDE_ARGS } from "./layout.ts";
import type { DaemonLibrary, Library } from "./library.ts";

/** So much can be ready at once; the rest comes with the next call. */
const READY_MAX = 64;

export class Waiter {
  readonly #calls: Library["symbols"];
  readonly #waiter: Deno.PointerObject;
  readonly #open = new Map<number, () => unknown>();
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

  /** Makes the call on a thread of the shim, and resolves with what it returns. */
  async aside(
    begin: DaemonLibrary["symbols"]["blit_aside"],
    which: Aside,
    args: readonly (Uint8Array<ArrayBuffer> | bigint)[],
  ): Promise<number> {
    const token = ++this.#lastToken;
    const words = new BigUint64Array(ASIDE_ARGS);
    args.forEach((arg, i) => words[i] = typeof arg === "bigint" ? arg : addressOf(arg));
    const result = new BigInt64Array(1);
    const out = new Uint8Array(result.buffer);
    const status = begin(this.#waiter, BigInt(token), which, new Uint8Array(words.buffer), out);
    if (status < 0n) return Number(status);
    if (status === 0n) await this.#until(token, [args, result]);
    return Number(result[0]);
  }

  /** `held`: memory that only the shim refers to meanwhile. */
  #until(token: number, held?: unknown): Promise<void> {
    const ready = new Promise<void>((resolve) =>
      this.#open.set(token, () => {
        resolve();
        return held;
      })
    );
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

function addressOf({ buffer, byteOffset }: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)) + BigInt(byteOffset);
}

let ofThisProcess: Waiter | undefined;

/** The one that everything shares. */
export function waiter(calls: Library["symbols"]): Waiter {
  return ofThisProcess ??= new Waiter(calls);
}
