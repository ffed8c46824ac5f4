/**
 * Content of regular files, from open file to open file: by read and write, holes left where the source has room for them.
 *
 * A source that changes while it is read is no failure here but an answer: who copies the file tries once more.
 */

import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Context } from "./portable_context.ts";
import { withoutAccessTime } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsOfOpen } from "./portable_facts.ts";
import type { Lane } from "./portable_queue.ts";

/** From an open file to another; without one it is only read. */
export interface Stream {
  readonly context: Context;
  readonly lane: Lane;
  readonly source: FileHandle;
  readonly destination?: FileHandle;
}

/** `grew`: what it held when it was opened was copied whole. */
export type Content = "whole" | "changed" | "grew";

const BLOCK_BYTES = 4096;
const zeros = new Uint8Array(BLOCK_BYTES);

/** Opens a file to read it; a symlink is not followed, and a fifo put there meanwhile does not hang us. */
export async function openSource(path: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return await withoutAccessTime(flags, (flags) => open(path, flags));
  } catch (thrown) {
    throw codeOf(thrown) === "ELOOP" ? ownError(Own.Changed, Step.OpenSource) : entryError(Step.OpenSource, thrown);
  }
}

/** Of content that no size announces: more is taken for endless. */
const UNSIZED_MAX_BYTES = 256 << 20;

/** A file that takes less room than its size has holes, or a file system that compresses. */
export function isSparse(facts: Facts): boolean {
  return facts.size > BLOCK_BYTES && facts.allocated < facts.size;
}

/** Copies all of a file that has these facts into an empty one. */
export async function copyContent(stream: Stream, facts: Facts): Promise<Content> {
  const content = facts.size > 0 ? await copySized(stream, facts) : await copyUnsized(stream);
  // Where the size turns out to be false, the content is what can be read, too.
  if (content === "whole" || facts.size === 0 || !await sizeIsFalse(stream.source, facts)) return content;
  await stream.destination?.truncate(0);
  return await copyUnsized(stream);
}

/** Whether the size is not that of the content although nothing changed: what proc, sys and FUSE show may end before or after. */
export async function sizeIsFalse(source: FileHandle, facts: Facts): Promise<boolean> {
  const end = await during(Step.Read, readFully(source, new Uint8Array(2), 2, Math.max(facts.size - 1, 0)));
  if (end === Math.min(facts.size, 1)) return false;
  return await compareWithOpened(source, facts) === "whole";
}

/** All that can be read, whatever the size. */
async function copyUnsized(stream: Stream): Promise<Content> {
  const { context, lane, source, destination } = stream;
  for (let at = 0;;) {
    await context.pace(lane.bufferBytes);
    const got = await during(Step.Read, readFully(source, lane.buffer, lane.bufferBytes, at));
    if (got === 0) return destination && context.config.verify ? await verify(stream, destination, 0, at) : "whole";
    if (at + got > UNSIZED_MAX_BYTES) throw ownError(Own.Endless, Step.Read);
    if (destination) await writeAll(destination, lane.buffer.subarray(0, got), at);
    context.count(destination ? "read_write" : "discarded", got);
    at += got;
  }
}

async function copySized(stream: Stream, facts: Facts): Promise<Content> {
  const { context, lane, source, destination } = stream;
  const sparse = isSparse(facts);
  if (facts.size < lane.bufferBytes && !sparse && !context.config.verify) return await copySmall(stream, facts);
  // A hole at the end is no write.
  if (sparse && destination) await during(Step.Write, destination.truncate(facts.size));
  const content = await copyData(stream, 0, facts.size, sparse);
  return content === "whole" ? await compareWithOpened(source, facts) : content;
}

/** Whether the file still is what it was: `grew` where it only has more now. */
export async function compareWithOpened(source: FileHandle, opened: Facts): Promise<Content> {
  const now = await during(Step.Read, factsOfOpen(source));
  if (now.size > opened.size) return "grew";
  return now.size === opened.size && now.mtimeMs === opened.mtimeMs ? "whole" : "changed";
}

/** Asking for more than the size tells at once whether the file grew or shrank meanwhile. */
async function copySmall({ context, lane, source, destination }: Stream, { size }: Facts): Promise<Content> {
  await context.pace(size);
  const got = await during(Step.Read, readFully(source, lane.buffer, size + 1, 0));
  if (got < size) return "changed";
  if (destination) await writeAll(destination, lane.buffer.subarray(0, size), 0);
  context.count(destination ? "read_write" : "discarded", size);
  return got > size ? "grew" : "whole";
}

/** Moves [at, at + length). With `sparse`, blocks of zeros are left out: the destination must read as zeros there. */
export async function copyData(stream: Stream, at: number, length: number, sparse: boolean): Promise<Content> {
  const { context, lane, source, destination } = stream;
  const piece = context.pieceBytes(lane.bufferBytes);
  for (let moved = 0; moved < length;) {
    const wanted = Math.min(piece, length - moved);
    await context.pace(wanted);
    const bytesRead = await during(Step.Read, readFully(source, lane.buffer, wanted, at + moved));
    if (bytesRead === 0) return "changed";
    const data = lane.buffer.subarray(0, bytesRead);
    if (!destination) context.count("discarded", bytesRead);
    else await writeData(context, destination, data, at + moved, sparse);
    moved += bytesRead;
  }
  return destination && context.config.verify ? await verify(stream, destination, at, length) : "whole";
}

async function writeData(
  context: Context,
  file: FileHandle,
  data: Uint8Array,
  at: number,
  sparse: boolean,
): Promise<void> {
  if (!sparse) {
    await writeAll(file, data, at);
    return context.count("read_write", data.length);
  }
  for (let from = 0; from < data.length;) {
    const hole = isZero(data, from);
    let to = from;
    while (to < data.length && isZero(data, to) === hole) to = Math.min(to + BLOCK_BYTES, data.length);
    if (!hole) await writeAll(file, data.subarray(from, to), at + from);
    context.count(hole ? "hole" : "read_write", to - from);
    from = to;
  }
}

function isZero(data: Uint8Array, from: number): boolean {
  return same(data.subarray(from, from + BLOCK_BYTES), zeros);
}

/** `a` and as much of `b`. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b.subarray(0, a.length)) === 0;
}

/** Reads both again and compares. What is read may come from the page cache: Deno cannot get around it. */
async function verify(
  { context, lane, source }: Stream,
  file: FileHandle,
  at: number,
  length: number,
): Promise<Content> {
  await during(Step.Sync, file.datasync());
  for (let done = 0; done < length;) {
    context.goOn(Step.Verify);
    const wanted = Math.min(lane.bufferBytes, length - done);
    const got = await during(Step.Verify, readFully(source, lane.buffer, wanted, at + done));
    if (got < wanted) return "changed";
    const back = await during(Step.Verify, readFully(file, lane.second, wanted, at + done));
    if (back < wanted || !same(lane.buffer.subarray(0, wanted), lane.second)) throw ownError(Own.Verify, Step.Verify);
    done += wanted;
  }
  return "whole";
}

/** Whether two regular files have the same bytes. */
export async function sameContent(context: Context, lane: Lane, a: string, b: string): Promise<boolean> {
  const first = await openSource(a);
  try {
    const second = await openSource(b);
    try {
      for (let at = 0;;) {
        await context.pace(lane.bufferBytes);
        const n = await during(Step.Read, readFully(first, lane.buffer, lane.bufferBytes, at));
        const m = await during(Step.Read, readFully(second, lane.second, lane.bufferBytes, at));
        if (n !== m || !same(lane.buffer.subarray(0, n), lane.second)) return false;
        if (n < lane.bufferBytes) return true;
        at += n;
      }
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

/** Bytes read: fewer than wanted only at the end of the file. */
async function readFully(file: FileHandle, buffer: Uint8Array, wanted: number, at: number): Promise<number> {
  let got = 0;
  while (got < wanted) {
    const { bytesRead } = await uninterrupted(() => file.read(buffer, got, wanted - got, at + got));
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

async function writeAll(file: FileHandle, data: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < data.length;) {
    const write = () => file.write(data, written, data.length - written, at + written);
    const { bytesWritten } = await during(Step.Write, uninterrupted(write));
    written += bytesWritten;
  }
}

/** A signal that arrives during a call ends it early on some file systems. */
async function uninterrupted<T>(call: () => Promise<T>): Promise<T> {
  while (true) {
    try {
      return await call();
    } catch (thrown) {
      if (codeOf(thrown) !== "EINTR") throw thrown;
    }
  }
}
