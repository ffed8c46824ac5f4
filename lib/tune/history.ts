/**
 * The performance history: `perf_local.jsonl` in the configuration folder, one line a run, newest last; what was before that
 * is in `perf_local.old.jsonl`.
 *
 * Any number of processes may append, read and rotate at once, and none waits for another:
 * 1. An append is one write of a whole line to a file opened for appending: no line is torn.
 * 2. A file that has grown beyond half of the cap takes the place of the old one, by a rename. Who still has it open for
 *    appending writes to what is then the old one: no line is lost. Only who holds the lock renames, and looks at the size
 *    again before, so that nobody renames twice.
 */

import type { RunRecord } from "../model/run_record.ts";
import { appendLine, fileFacts, readSmallText } from "../native/paths.ts";
import { makePrivateDir, removeIfThere } from "./private_files.ts";
import { decodeRecord, encodeRecord } from "./record_line.ts";

/** Oldest first. */
const fileNames = ["perf_local.old.jsonl", "perf_local.jsonl"] as const;
const [oldName, newName] = fileNames;
const lockName = "perf_local.lock";

/** Of both files; about 1500 runs, of which half may be forgotten at once. */
export const HISTORY_MAX_BYTES = 2 ** 20;

export interface HistoryContent {
  /** Oldest first. */
  readonly records: readonly RunRecord[];
  /** Lines that are damaged or of another version. */
  readonly unreadable: number;
}

/** Where a record was put, in bytes from the start of its file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Adds a record. Throws what the file system says; the caller does not let that fail a copy. `maxBytes`: the cap, which the
 * files may exceed by what is appended at the same moment.
 */
export function appendRecord(dir: string, record: RunRecord, maxBytes = HISTORY_MAX_BYTES): Span {
  const line = encodeRecord(record);
  if (line === undefined) throw new Error("Cannot record the run: its record is too long");
  const path = `${dir}/${newName}`;
  const end = appendLine(path, line) ?? appendInNewDir(dir, line);
  if (end > maxBytes / 2) rotate(dir, maxBytes);
  return { start: end - line.length, end };
}

function appendInNewDir(dir: string, line: Uint8Array<ArrayBuffer>): number {
  makePrivateDir(dir);
  const end = appendLine(`${dir}/${newName}`, line);
  if (end === undefined) throw new Error(`Cannot record the run: "${dir}" went away`);
  return end;
}

function rotate(dir: string, maxBytes: number): void {
  const lockPath = `${dir}/${lockName}`;
  fileFacts(lockPath);
  const lock = Deno.openSync(lockPath, { read: true, write: true, create: true, mode: 0o600 });
  try {
    if (!lock.tryLockSync(true)) return;
    const size = fileFacts(`${dir}/${newName}`)?.size ?? 0;
    if (size > maxBytes / 2) Deno.renameSync(`${dir}/${newName}`, `${dir}/${oldName}`);
  } finally {
    lock.close();
  }
}

/** All that is there. Throws where a file cannot be read; a missing one is empty. */
export function readHistory(dir: string): HistoryContent {
  const records: RunRecord[] = [];
  let unreadable = 0;
  for (const line of fileNames.flatMap((name) => textOf(dir, name).split("\n"))) {
    if (line === "") continue;
    const record = decodeRecord(line);
    if (record === undefined) unreadable++;
    else records.push(record);
  }
  return { records, unreadable };
}

/** Reads only what is asked for. Throws where a file cannot be read. */
export function* newestRecords(dir: string): Generator<RunRecord> {
  for (const name of fileNames.toReversed()) {
    const text = textOf(dir, name);
    for (let end = text.length, start = 0; end > 0; end = start - 1) {
      start = text.lastIndexOf("\n", end - 1) + 1;
      const record = decodeRecord(text.slice(start, end));
      if (record !== undefined) yield record;
    }
  }
}

function textOf(dir: string, name: string): string {
  return readSmallText(`${dir}/${name}`) ?? "";
}

/** Removes all records. Throws what the file system says, and for anything but a regular file. */
export function clearHistory(dir: string): void {
  // The newer one first: it may become the older one meanwhile.
  for (const name of fileNames.toReversed()) {
    if (fileFacts(`${dir}/${name}`)) removeIfThere(`${dir}/${name}`);
  }
}
