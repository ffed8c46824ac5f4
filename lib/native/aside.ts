/**
 * What may wait for a file system without end, asked on threads of the shim (native/aside.c): a mount whose server has died holds up
 * neither the main thread nor any other place. Works only with the shim.
 *
 * Each place (a module's directory, say) may have a few calls that hang; as long as it has them, whoever asks is told so at once.
 */

import { BlitError } from "../base/errors.ts";
import { pause } from "../base/timers.ts";
import type { Aside } from "./layout.ts";
import { openDaemonLibrary, openLibrary } from "./library.ts";
import { waiter } from "./waiter.ts";

export type Argument = Uint8Array<ArrayBuffer> | bigint;

/** Calls that run at once; the others wait their turn. One that hangs does not count: it has a thread and nothing else. */
const RUNNING_MAX = 16;
/** A call that takes longer hangs, at least for now. */
const HANGS_AFTER_MS = 5000;
const HANGING_MAX = 4;
const LOOK_EVERY_MS = 250;

/** How long the opening of a place may take: who asked for it, and waits no longer than the stall time, is to hear the answer. */
export function openingMs(stallTimeoutMs: number): number {
  return stallTimeoutMs * 3 / 4;
}

/**
 * What the call returns: a count, or -errno. Undefined where the file system does not answer: within `ms`, or because it does not answer
 * earlier calls either. What a call returns that was given up is handed to `late`.
 */
export async function askAside(
  place: string,
  ms: number,
  which: Aside,
  args: readonly Argument[],
  late: (result: number) => void = () => {},
): Promise<number | undefined> {
  if (running < RUNNING_MAX) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve)); // who leaves hands its turn on
  if (hangingAt(place) >= HANGING_MAX) {
    leave();
    return undefined;
  }
  return await new Promise((resolve) => new Asking(place, ms, resolve, late).run(which, args));
}

/** The same; raises BlitError (failed) with these words where there is no answer. */
export async function answerAside(
  place: string,
  ms: number,
  action: string,
  which: Aside,
  args: readonly Argument[],
  late?: (result: number) => void,
): Promise<number> {
  const result = await askAside(place, ms, which, args, late);
  if (result === undefined) throw new BlitError("failed", `Cannot ${action}: ${NO_ANSWER.words}`);
  return result;
}

export const NO_ANSWER = { code: "no_answer", words: "the file system does not answer" } as const;

let running = 0;
const waiting: (() => void)[] = [];
const hanging = new Map<string, number>();
const open = new Set<Asking>();
let looking = false;

class Asking {
  readonly #startMs = performance.now();
  #hangs = false;
  #givenUp = false;

  constructor(
    private readonly place: string,
    private readonly ms: number,
    private readonly resolve: (result: number | undefined) => void,
    private readonly late: (result: number) => void,
  ) {}

  run(which: Aside, args: readonly Argument[]): void {
    open.add(this);
    if (!looking) void look();
    void waiter(openLibrary()!.symbols).aside(openDaemonLibrary()!.symbols.blit_aside, which, args).then((result) => {
      open.delete(this);
      if (this.#hangs) countHanging(this.place, -1);
      else leave();
      if (this.#givenUp) this.late(result);
      else this.resolve(result);
    });
  }

  look(nowMs: number): void {
    const ms = nowMs - this.#startMs;
    if (!this.#hangs && ms >= Math.min(HANGS_AFTER_MS, this.ms)) {
      this.#hangs = true;
      countHanging(this.place, 1);
      leave();
    }
    if (ms < this.ms) return;
    this.#givenUp = true;
    open.delete(this);
    this.resolve(undefined);
  }
}

/** While there are calls, looks at them now and then; a timer for each would cost more than most calls take. */
async function look(): Promise<void> {
  looking = true;
  while (open.size > 0) {
    await pause(LOOK_EVERY_MS);
    const nowMs = performance.now();
    for (const asking of [...open]) asking.look(nowMs);
  }
  looking = false;
}

function hangingAt(place: string): number {
  return hanging.get(place) ?? 0;
}

function countHanging(place: string, more: number): void {
  const count = hangingAt(place) + more;
  if (count > 0) hanging.set(place, count);
  else hanging.delete(place);
}

function leave(): void {
  const next = waiting.shift();
  if (next !== undefined) next();
  else running--;
}
