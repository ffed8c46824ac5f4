/** The part of a stat that matters to a copy, the same for every kind of entry. */

import type { BigIntStats } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { Kind } from "../model/entry.ts";

export interface Facts {
  readonly kind: number;
  /** Permission bits, setuid, setgid and sticky included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
  /** Device and inode. */
  readonly inode: string;
  /** Device number of a device. */
  readonly rdev: bigint;
  /** Bytes that the file takes on the medium. */
  readonly allocated: number;
  /** Whole milliseconds: all that Deno can read and set. */
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Does not follow a symlink in the last place. Raises what the system raises. */
export async function factsAt(path: string): Promise<Facts> {
  return factsOf(await lstat(path, { bigint: true }));
}

/** Follows: for paths that lead through a descriptor. */
export async function factsThrough(path: string): Promise<Facts> {
  return factsOf(await stat(path, { bigint: true }));
}

export async function factsOfOpen(file: FileHandle): Promise<Facts> {
  return factsOf(await file.stat({ bigint: true }));
}

/** The same, where nothing there (any more) is an answer too. */
export async function factsIfAny(path: string): Promise<Facts | undefined> {
  try {
    return await factsAt(path);
  } catch {
    return undefined;
  }
}

function factsOf(stats: BigIntStats): Facts {
  const kind = kindOf(stats);
  const time = kind === Kind.Symlink ? settableOnSymlink : Number;
  return {
    kind,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    nlink: Number(stats.nlink),
    size: Number(stats.size),
    // Numbers would lose the low bits of large inodes, and two files would look like one.
    inode: `${stats.dev}:${stats.ino}`,
    rdev: stats.rdev,
    allocated: Number(stats.blocks) * 512,
    atimeMs: time(stats.atimeMs),
    mtimeMs: time(stats.mtimeMs),
    ctimeMs: Number(stats.ctimeMs),
  };
}

/** lutimes refuses fractions of seconds before 1970; everything else may be set. */
function settableOnSymlink(ms: bigint): number {
  return ms < 0n ? Math.floor(Number(ms) / 1000) * 1000 : Number(ms);
}

type Kinds = Pick<
  BigIntStats,
  "isFile" | "isDirectory" | "isSymbolicLink" | "isFIFO" | "isSocket" | "isCharacterDevice" | "isBlockDevice"
>;

/** Kind.None where it does not say: Deno's directory entries tell only files, directories and symlinks. */
export function kindOf(entry: Kinds): number {
  if (entry.isFile()) return Kind.File;
  if (entry.isDirectory()) return Kind.Directory;
  if (entry.isSymbolicLink()) return Kind.Symlink;
  if (entry.isFIFO()) return Kind.Fifo;
  if (entry.isSocket()) return Kind.Socket;
  if (entry.isCharacterDevice()) return Kind.CharDevice;
  return entry.isBlockDevice() ? Kind.BlockDevice : Kind.None;
}
