/**
 * The performance history: `perf_local.jsonl` in the configuration folder, one line a run, newest last.
 *
 * Any number of processes may append, read and compact at once:
 * 1. An append is one write of a whole line to a file opened for appending, under a shared lock: appends do not wait for
 *    each other, and no line is torn.
 * 2. When the file has grown beyond the cap, its newest lines are put in its place by a rename under the exclusive lock,
 *    so no line is appended to the file that goes away. Who does not get that lock at once leaves it to the next run.
 * The lock is on a file of its own, which stays. A reader needs none.
 */

import type { RunRecord } from "../model/run_record.ts";
import { makePrivateDir, readSmallFile, refuseNonFile, removeIfThere, replaceFile } from "./private_files.ts";
import { decodeRecord, encodeRecord } from "./record_line.ts";

const fileName = "perf_local.jsonl";
const lockName = "perf_local.lock";

/** About 1500 runs. */
export const HISTORY_MAX_BYTES = 2 ** 20;

/** A compaction takes milliseconds; one that lasts longer hangs, and a copy does not wait for it. */
const LOCK_WAIT_MS = 2000;
const LOCK_RETRY_MS = 5;

const LINE_END = 0x0a;

export interface HistoryContent {
  /** Oldest first. */
  readonly records: readonly RunRecord[];
  /** Lines that are damaged or of another version. */
  readonly unreadable: number;
}

/**
 * Adds a record. Throws what the file system says, or an Error when the lock is held for too long; the caller does not let
 * that fail a copy. `maxBytes`: the cap, which the file may exceed by what is appended at the same moment.
 */
export async function appendRecord(dir: string, record: RunRecord, maxBytes = HISTORY_MAX_BYTES): Promise<void> {
  const line = encodeRecord(record);
  if (line === undefined) throw new Error("Cannot record the run: its record is too long");
  makePrivateDir(dir);
  using lock = openLock(dir);
  await waitForLock(lock, false);
  const size = appendLine(`${dir}/${fileName}`, line);
  lock.unlockSync();
  if (size > maxBytes && lock.tryLockSync(true)) compact(dir, maxBytes);
}

/** All that is there. Throws where the file cannot be read; a missing one is empty. */
export function readHistory(dir: string): HistoryContent {
  const records: RunRecord[] = [];
  let unreadable = 0;
  for (const line of readSmallFile(dir, fileName)?.split("\n") ?? []) {
    if (line === "") continue;
    const record = decodeRecord(line);
    if (record === undefined) unreadable++;
    else records.push(record);
  }
  return { records, unreadable };
}

/** Removes all records. Throws what the file system says, or an Error when the lock is held for too long. */
export async function clearHistory(dir: string): Promise<void> {
  if (readSmallFile(dir, fileName) === undefined) return;
  using lock = openLock(dir);
  await waitForLock(lock, true);
  removeIfThere(`${dir}/${fileName}`);
}

/** Returns the size of the file afterwards. */
function appendLine(path: string, line: Uint8Array<ArrayBuffer>): number {
  if (exists(path)) refuseNonFile(path);
  using file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  const { size } = file.statSync();
  // A full disk may have cut the last line short; it then costs itself, not this one too.
  const whole = size === 0 || lastByte(file, size) === LINE_END ? line : new Uint8Array([LINE_END, ...line]);
  const written = file.writeSync(whole);
  if (written < whole.length) throw new Error("Cannot record the run: the disk is full");
  return size + written;
}

function lastByte(file: Deno.FsFile, size: number): number {
  const byte = new Uint8Array(1);
  file.seekSync(size - 1, Deno.SeekMode.Start);
  return file.readSync(byte) === 1 ? byte[0] : LINE_END;
}

/** Keeps the newest whole lines, so many that some hundred runs fit in before the next time. Exclusive lock held. */
function compact(dir: string, maxBytes: number): void {
  const bytes = Deno.readFileSync(`${dir}/${fileName}`);
  // Another process may have done it in the moment without a lock.
  if (bytes.length <= maxBytes) return;
  const from = bytes.indexOf(LINE_END, bytes.length - Math.floor(maxBytes * 0.75) - 1) + 1;
  replaceFile(dir, fileName, bytes.subarray(from));
}

function openLock(dir: string): Deno.FsFile {
  const path = `${dir}/${lockName}`;
  if (exists(path)) refuseNonFile(path);
  return Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
}

async function waitForLock(file: Deno.FsFile, exclusive: boolean): Promise<void> {
  for (let waitedMs = 0; !file.tryLockSync(exclusive); waitedMs += LOCK_RETRY_MS) {
    if (waitedMs >= LOCK_WAIT_MS) throw new Error("Cannot lock the performance history: another process holds it");
    await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
