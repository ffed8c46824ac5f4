/**
 * Large files: opened once, cut into ranges that any worker may copy, put in place when all of them are done. A bounded number
 * of ranges is handed out at a time, so a file of any size costs the same memory and others get their turn.
 */

import type { Engine, EngineError, EntryBatch } from "../native/engine.ts";
import type { DirNode } from "./dir_node.ts";

/** Below this one worker copies the file in one go: opening and sharing out cost more than they gain. */
export const LARGE_BYTES = 16 << 20;

const MIB = 1 << 20;
/** Measured on tmpfs, ext4 and xfs: flat from here to 64 MiB; small enough to keep all cores busy to the end. */
const RANGE_MIN_BYTES = 4 * MIB;
const RANGE_FIRST_BYTES = 16 * MIB;
/** A range that comes sooner has cost too many messages for its bytes. */
const QUICK_MS = 250;
/** Of a range that a broken connection was bringing all comes again: not more than a few seconds' worth. */
const SLOW_MS = 2000;

/** Of sizes that a number does not hold exactly, the last range goes so far beyond the end, which the engine knows. */
const INEXACT_BYTES = 4096;

/** `moved`: bytes of the file; with an error it was given up, unless `installed`. */
export type LargeDone = (error: EngineError | undefined, size: number) => void;

export class LargeFiles {
  #underWay = 0;
  #rangeBytes: number;

  constructor(
    private readonly engine: Engine,
    private readonly workers: number,
    /** Of the largest range. */
    private readonly rangeBytesMax: number,
    private readonly lost: (bits: number) => void,
    private readonly nowMs = () => performance.now(),
  ) {
    this.#rangeBytes = Math.min(RANGE_FIRST_BYTES, rangeBytesMax);
  }

  copy(node: DirNode, batch: EntryBatch, index: number, done: LargeDone): void {
    this.#underWay++;
    const settled: LargeDone = (error, size) => {
      this.#underWay--;
      done(error, size);
    };
    this.engine.openLarge(node.id, batch, index, (opened) => {
      this.lost(opened.lost);
      if (opened.error || opened.handle === undefined) return settled(opened.error, opened.size);
      this.#copyRanges(node, opened.handle, opened.size, settled);
    });
  }

  /**
   * Ranges of one file that are handed out at a time. Writers to one file wait for each other, so with enough files each worker gets one
   * of its own.
   */
  #rangesAtOnce(): number {
    if (this.#underWay < this.workers) return this.workers * 2;
    return this.#underWay < this.workers * 2 ? 2 : 1;
  }

  /** Each range costs a message there and back: where each worker has a file of its own there is no need to share one out. */
  #rangeBytesOf(size: number): number {
    if (this.#rangesAtOnce() === 1) return this.#rangeBytes;
    const share = Math.ceil(size / (this.workers * 4) / MIB) * MIB;
    return Math.min(Math.max(share, RANGE_MIN_BYTES), this.#rangeBytes);
  }

  /** The next ranges follow what this one took. */
  #learn(length: number, tookMs: number): void {
    if (tookMs > SLOW_MS) this.#rangeBytes = Math.max(this.#rangeBytes / 2, RANGE_MIN_BYTES);
    else if (tookMs < QUICK_MS && length === this.#rangeBytes) {
      this.#rangeBytes = Math.min(this.#rangeBytes * 2, this.rangeBytesMax);
    }
  }

  #copyRanges(node: DirNode, handle: bigint, size: number, done: LargeDone): void {
    let offset = 0;
    /** Up to there the source has no data: one range, however long. */
    let data = 0;
    let open = 0;
    let failure: EngineError | undefined;
    const finish = () =>
      this.engine.finishLarge(node.id, handle, failure === undefined, (finished) => {
        this.lost(finished.lost);
        done(failure ?? finished.error, size);
      });
    const next = () => {
      while (failure === undefined && offset < size && open < this.#rangesAtOnce()) {
        const length = Math.min(Math.max(this.#rangeBytesOf(size), data - offset), size - offset);
        const end = offset + length;
        open++;
        const sinceMs = this.nowMs();
        const inexact = end === size && !Number.isSafeInteger(size) ? INEXACT_BYTES : 0;
        this.engine.copyRange(node.id, handle, offset, length + inexact, (answer) => {
          open--;
          data = Math.max(data, Math.min(end + (answer.hole ?? 0), size));
          this.#learn(length, this.nowMs() - sinceMs);
          failure ??= answer.error;
          next();
        });
        offset = end;
      }
      if (open === 0) finish();
    };
    next();
  }
}
