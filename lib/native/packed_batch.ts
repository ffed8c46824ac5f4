/**
 * EntryBatch over the shim's own memory: nothing is copied, columns are read where they stand. After the last release the
 * memory is gone, and every further read throws instead of reading freed memory.
 */

import { pathFromBytes } from "../base/path_bytes.ts";
import { Diff, Kind } from "../model/entry.ts";
import type { EngineError, EntryBatch } from "./engine.ts";
import { engineError } from "./errno.ts";
import { BATCH_HEADER_BYTES } from "./layout.ts";

/** Column order and widths of struct blit_batch; the second part exists only where entries were looked at. */
const baseColumns = { nameEnd: 4, kind: 1, dstKind: 1, diff: 2 } as const;
const statColumns = {
  size: 8,
  ino: 8,
  dev: 8,
  target: 8,
  attrs: 8,
  mtimeSec: 8,
  mtimeNsec: 4,
  mode: 4,
  uid: 4,
  gid: 4,
  nlink: 4,
  known: 4,
  origin: 4,
} as const;
type Column = keyof typeof baseColumns | keyof typeof statColumns;

/** What an entry takes on the medium is told in these, beside whether anything is known of it. */
const ALLOCATED_UNIT = 4096;

const align8 = (n: number) => (n + 7) & ~7;

export class PackedBatch implements EntryBatch {
  readonly count: number;
  readonly others: number;
  readonly dirs: number;
  readonly extras: number;
  readonly unchanged: number;
  readonly unchangedBytes: number;
  readonly stale: number;
  readonly dirDiff: number;
  readonly #hasStat: boolean;
  #view: DataView;
  #columns: Partial<Record<Column, number>> | undefined;
  #namesAt = 0;
  #references = 1;
  #ended = false;
  #whenFreed: (() => void) | undefined;

  /** @param address Of the batch in memory: how the shim is told which batch is meant. */
  constructor(readonly address: bigint, memory: ArrayBuffer, private readonly free: (address: bigint) => void) {
    const view = new DataView(memory);
    this.#view = view;
    this.count = view.getUint32(0, true);
    this.#hasStat = view.getUint32(12, true) !== 0;
    this.others = view.getUint32(16, true);
    this.dirs = view.getUint32(20, true);
    this.extras = view.getUint32(24, true);
    this.unchanged = view.getUint32(28, true);
    this.unchangedBytes = view.getUint32(32, true) + view.getUint32(36, true) * 0x1_0000_0000;
    this.stale = view.getUint32(48, true);
    this.dirDiff = view.getUint32(52, true);
  }

  /** Most batches of a fresh copy are never looked into: columns are found at the first need. */
  #at(column: Column): number {
    this.#columns ??= this.#layOut();
    return this.#columns[column]!;
  }

  #layOut(): Partial<Record<Column, number>> {
    const columns: Partial<Record<Column, number>> = {};
    let at = BATCH_HEADER_BYTES;
    for (const [name, width] of Object.entries(this.#hasStat ? { ...baseColumns, ...statColumns } : baseColumns)) {
      columns[name as Column] = at;
      at = align8(at + width * this.count);
    }
    this.#namesAt = at;
    return columns;
  }

  kind(index: number): number {
    return this.#view.getUint8(this.#at("kind") + index);
  }
  dstKind(index: number): number {
    return this.#view.getUint8(this.#at("dstKind") + index);
  }
  diff(index: number): number {
    return this.#view.getUint16(this.#at("diff") + index * 2, true);
  }
  known(index: number): boolean {
    return this.#hasStat && this.#view.getUint32(this.#at("known") + index * 4, true) !== 0;
  }
  size(index: number): number {
    const at = this.#at("size") + index * 8;
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
  allocated(index: number): number {
    return (this.#view.getUint32(this.#at("known") + index * 4, true) - 1) * ALLOCATED_UNIT;
  }
  mtimeMs(index: number): number {
    const seconds = Number(this.#view.getBigInt64(this.#at("mtimeSec") + index * 8, true));
    return seconds * 1000 + this.#view.getUint32(this.#at("mtimeNsec") + index * 4, true) / 1e6;
  }
  nlink(index: number): number {
    return this.#view.getUint32(this.#at("nlink") + index * 4, true);
  }
  inode(index: number): string {
    return inodeKey(
      this.#view.getBigUint64(this.#at("dev") + index * 8, true),
      this.#view.getBigUint64(this.#at("ino") + index * 8, true),
    );
  }
  destinationInode(index: number): string | undefined {
    const diff = this.diff(index);
    if (diff & Diff.DestinationLinked) return this.inode(index);
    if (!(diff & Diff.Linked) || this.kind(index) !== Kind.File) return undefined;
    const ino = this.#view.getBigUint64(this.#at("target") + index * 8, true);
    return ino === 0n ? undefined : inodeKey(this.#view.getBigUint64(this.#at("attrs") + index * 8, true), ino);
  }
  /** Index of the entry in the batch of the machine it comes from. */
  origin(index: number): number {
    return this.#view.getUint32(this.#at("origin") + index * 4, true);
  }
  error(index: number): EngineError {
    return engineError(this.size(index), this.#view.getUint32(this.#at("mode") + index * 4, true));
  }
  name(index: number): string {
    const ends = this.#at("nameEnd");
    const renamedAt = this.#view.getUint32(40, true);
    if (renamedAt > 0) return this.#text(renamedAt, renamedAt + this.#view.getUint32(44, true));
    const start = index > 0 ? this.#view.getUint32(ends + (index - 1) * 4, true) : 0;
    return this.#text(start, this.#view.getUint32(ends + index * 4, true));
  }

  #text(start: number, end: number): string {
    return pathFromBytes(new Uint8Array(this.#view.buffer, this.#namesAt + start, end - start));
  }

  /** A copy of the whole batch, for another machine. */
  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer.slice(0) as ArrayBuffer);
  }

  /** Calls back once the batch is gone. */
  whenFreed(freed: () => void): void {
    this.#whenFreed = freed;
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.end();
  }

  /** As the last release, whoever still holds it: what is read from it then throws. Again does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#view = new DataView(new ArrayBuffer(0));
    this.free(this.address);
    this.#whenFreed?.();
  }
}

export function inodeKey(dev: bigint, ino: bigint): string {
  return `${dev}:${ino}`;
}
