/**
 * Whether the other side still lives. One rule for everything that waits for another machine, in every phase: a side that lives sends
 * something every few seconds, if only a KeepAlive, and whoever hears nothing for longer than its patience gives the other side up.
 *
 * TCP alone does not tell: the system of a process that is stopped, or hangs, goes on acknowledging for it.
 */

import { BlitError } from "../base/errors.ts";
import { Stillness } from "../base/stillness.ts";
import { every } from "../base/timers.ts";

/** How long one waits for another machine unless told otherwise. */
export const PATIENCE_MS = 60_000;

/** Between two signs of life, unless the other side has little patience. */
const SIGN_EVERY_MS = 2000;
const SIGNS_IN_PATIENCE = 4;
const SIGN_EVERY_LEAST_MS = 50;

/** Raised for what may work when it is tried again: the connection broke, the other side is silent, the daemon is restarting. */
export class ConnectionLost extends BlitError {}

/** The same where nothing ever came through a connection for content: at the data port something else may listen. */
export class LanesUseless extends ConnectionLost {}

/** How often a side sends a sign of life to one that waits that long for it. */
export function signEveryMs(patienceMs: number): number {
  return Math.max(Math.min(SIGN_EVERY_MS, patienceMs / SIGNS_IN_PATIENCE), SIGN_EVERY_LEAST_MS);
}

/** Listens to one conversation with the other side, and gives it up when too long nothing is heard while something is waited for. */
export class Listener {
  #heard = 0;
  #fail: ((error: Error) => void) | undefined;
  readonly #stop: () => void;

  /** `patienceMs` is asked each time: a side that sends no signs of life must be trusted. `silent`: what is then raised. */
  constructor(patienceMs: () => number, silent: () => Error) {
    const still = new Stillness(performance.now());
    this.#stop = every(signEveryMs(patienceMs()) / 2, () => {
      if (still.look(performance.now(), this.#heard, this.#fail === undefined) >= patienceMs()) this.giveUp(silent());
    });
  }

  /** Waits for what comes next. Rejects when that does, and when the conversation is given up. */
  next<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      const heard = <V>(settle: (value: V) => void) => (value: V) => {
        this.#fail = undefined;
        this.#heard++;
        settle(value);
      };
      promise.then(heard(resolve), heard(reject));
    });
  }

  giveUp(error: Error): void {
    this.end();
    this.#fail?.(error);
  }

  end(): void {
    this.#stop();
  }
}
