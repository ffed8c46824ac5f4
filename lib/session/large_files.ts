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

/** `moved`: bytes of the file; with an error it was given up, unless `installed`. */
export type LargeDone = (error: EngineError | undefined, size: number) => void;

export class LargeFiles {
  #underWay = 0;

  constructor(
    private readonly engine: Engine,
    private readonly workers: number,
    /** The largest slice. */
    private readonly rangeBytes: number,
    private readonly lost: (bits: number) => void,
  ) {}

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

  #copyRanges(node: DirNode, handle: bigint, size: number, done: LargeDone): void {
    const share = Math.ceil(size / (this.workers * 4) / MIB) * MIB;
    const range = Math.min(Math.max(share, RANGE_MIN_BYTES), this.rangeBytes);
    let offset = 0;
    let open = 0;
    let failure: EngineError | undefined;
    const finish = () =>
      this.engine.finishLarge(node.id, handle, failure === undefined, (finished) => {
        this.lost(finished.lost);
        done(failure ?? finished.error, size);
      });
    const next = () => {
      while (failure === undefined && offset < size && open < this.#rangesAtOnce()) {
        const length = Math.min(range, size - offset);
        open++;
        this.engine.copyRange(node.id, handle, offset, length, (answer) => {
          open--;
          failure ??= answer.error;
          next();
        });
        offset += length;
      }
      if (open === 0) finish();
    };
    next();
  }
}
