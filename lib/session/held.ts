/**
 * Things of the shim that the other side knows by numbers. One that is given up while the shim still works with it goes as soon as
 * that is over.
 */

import { BlitError } from "../base/errors.ts";

export class Held {
  #uses = 0;
  #whenFree: (() => void) | undefined;

  use(): void {
    this.#uses++;
  }

  unuse(): void {
    if (--this.#uses === 0) this.#free();
  }

  /** Calls back once nobody uses it, at once or later. Nobody may begin to use it any more. */
  whenFree(callback: () => void): void {
    this.#whenFree = callback;
    if (this.#uses === 0) this.#free();
  }

  #free(): void {
    const callback = this.#whenFree;
    this.#whenFree = undefined;
    callback?.();
  }
}

export class HeldTable<T extends Held> {
  readonly #items = new Map<number, T>();

  constructor(private readonly kind: string) {}

  /** Raises BlitError (failed) where the number is taken. */
  add(number: number, item: T): void {
    if (this.#items.has(number)) {
      throw new BlitError("failed", `The other side used the number of a ${this.kind} twice`);
    }
    this.#items.set(number, item);
  }

  /** Raises BlitError (failed) where there is none. */
  get(number: number): T {
    const item = this.#items.get(number);
    if (item === undefined) throw new BlitError("failed", `The other side named a ${this.kind} that is not there`);
    return item;
  }

  values(): Iterable<T> {
    return this.#items.values();
  }

  find(number: number): T | undefined {
    return this.#items.get(number);
  }

  /** Frees the number at once, and calls back when the thing itself is free. Raises as `get`. */
  drop(number: number, whenFree: (item: T) => void): void {
    const item = this.get(number);
    this.#items.delete(number);
    item.whenFree(() => whenFree(item));
  }
}

/** What the other side sent is no part of the transfer: it is over. */
export function nonsense(what: string): BlitError {
  return new BlitError("failed", `The other side sent ${what}`);
}
