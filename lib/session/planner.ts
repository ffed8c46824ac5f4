/**
 * Hands planned work on to the engine, in time.
 *
 * Work waits here only while the workers have enough to do: many small pieces then go out together. The first goes at once; a
 * full batch goes at once; and when a worker would starve everything goes at once, so waiting never costs a pause. Between
 * those the heartbeat (plan/heartbeat.ts) flushes what is ready, at the latest after a second.
 */

import { Heartbeat, planningLine } from "../plan/heartbeat.ts";

export interface PlannedWork {
  readonly entries: number;
  submit(): void;
}

/** Below this many queued entries for each worker, one of them may run dry before the next round. About 2 ms of small files. */
const ENOUGH_PER_WORKER = 256;

/** Between two lines for --verbose. */
const LINE_EVERY_MS = 1000;

export class Planner {
  readonly #heartbeat: Heartbeat;
  readonly #ready: PlannedWork[] = [];
  #readyEntries = 0;
  #queued = 0;
  #classified = 0;
  #lineMs: number;

  constructor(private readonly workers: number, nowMs: number, private readonly say: (line: string) => void) {
    this.#heartbeat = new Heartbeat(nowMs);
    this.#lineMs = nowMs;
  }

  /** Entries the planner has decided about. */
  get classified(): number {
    return this.#classified;
  }

  /** Entries that wait here or at the workers. */
  get outstanding(): number {
    return this.#readyEntries + this.#queued;
  }

  classify(entries: number): void {
    this.#classified += entries;
  }

  add(work: PlannedWork): void {
    this.#ready.push(work);
    this.#readyEntries += work.entries;
  }

  /** The engine is done with that many entries. */
  finished(entries: number): void {
    this.#queued -= entries;
  }

  /** Everything that came in was looked at. Returns how long to wait at most before the next round. */
  round(nowMs: number, scanEnded: boolean): number {
    const load = { ready: this.#readyEntries, queued: this.#queued, workers: this.workers };
    // Asked even where nothing is ready: it is the heartbeat that says when to look again.
    const due = this.#heartbeat.flushDue(nowMs, load);
    if (this.#ready.length > 0 && (due || scanEnded || this.#queued < this.workers * ENOUGH_PER_WORKER)) this.#flush();
    if (!scanEnded && nowMs - this.#lineMs >= LINE_EVERY_MS) {
      this.#lineMs = nowMs;
      this.say(planningLine(this.#classified, this.outstanding));
    }
    return this.#heartbeat.waitMs(nowMs);
  }

  #flush(): void {
    this.#queued += this.#readyEntries;
    this.#readyEntries = 0;
    for (const work of this.#ready.splice(0)) work.submit();
  }
}
