/** Entry batches of the portable engine: rows of one listing in the order of the contract. */

import { Diff, Kind } from "../model/entry.ts";
import type { EngineError, EntryBatch } from "./engine.ts";
import type { EntryError } from "./portable_error.ts";
import type { Facts } from "./portable_facts.ts";

export interface Row {
  /** In the source, or of an entry only the destination has. */
  readonly name: string;
  readonly destinationName: string;
  readonly kind: number;
  readonly destinationKind: number;
  readonly diff: number;
  readonly facts?: Facts;
  /** See EntryBatch. */
  readonly destinationInode?: string;
  /** The source has another name that differs in case or spelling only. */
  readonly twin?: boolean;
  /** Why the entry could not be looked at or its name cannot be used: nothing can be done with it. */
  readonly broken?: EntryError;
}

export interface BatchTotals {
  readonly unchanged: number;
  readonly unchangedBytes: number;
  readonly stale: number;
  readonly dirDiff: number;
}

export class RowBatch implements EntryBatch {
  readonly count: number;
  readonly others: number;
  readonly dirs: number;
  readonly extras: number;
  readonly unchanged: number;
  readonly unchangedBytes: number;
  readonly stale: number;
  readonly dirDiff: number;
  #rows: readonly Row[];
  #references = 1;

  /** @param source In any order, as `extras`, which only the destination has. */
  constructor(source: readonly Row[], extras: readonly Row[], totals: BatchTotals) {
    const others = source.filter((row) => row.kind !== Kind.Directory);
    const dirs = source.filter((row) => row.kind === Kind.Directory);
    this.#rows = [...others, ...dirs, ...extras];
    this.count = this.#rows.length;
    this.others = others.length;
    this.dirs = dirs.length;
    this.extras = extras.length;
    this.unchanged = totals.unchanged;
    this.unchangedBytes = totals.unchangedBytes;
    this.stale = totals.stale;
    this.dirDiff = totals.dirDiff;
  }

  /** Raises RangeError after the last release. */
  row(index: number): Row {
    const row = this.#rows[index];
    if (!row) throw new RangeError(`The batch has no entry ${index}`);
    return row;
  }

  kind(index: number): number {
    return this.row(index).kind;
  }
  dstKind(index: number): number {
    return this.row(index).destinationKind;
  }
  diff(index: number): number {
    const { diff, broken } = this.row(index);
    return broken ? Diff.Error : diff;
  }
  known(index: number): boolean {
    return this.row(index).facts !== undefined;
  }
  size(index: number): number {
    return this.row(index).facts?.size ?? 0;
  }
  allocated(index: number): number {
    return this.row(index).facts?.allocated ?? 0;
  }
  mtimeMs(index: number): number {
    return this.row(index).facts?.mtimeMs ?? 0;
  }
  nlink(index: number): number {
    return this.row(index).facts?.nlink ?? 0;
  }
  destinationInode(index: number): string | undefined {
    return this.row(index).destinationInode;
  }

  inode(index: number): string {
    return this.row(index).facts?.inode ?? "0:0";
  }
  error(index: number): EngineError {
    return this.row(index).broken?.error ?? { code: "", message: "" };
  }
  name(index: number): string {
    return this.row(index).destinationName;
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.#rows = [];
  }
}
