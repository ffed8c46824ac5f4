/**
 * Paths as the user gave them, before an engine is open: what stands there, making and renaming. PEP 383 strings; without the
 * shim names that are not UTF-8 are not found.
 */

import { BlitError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import { Kind } from "../model/entry.ts";
import { engineError } from "./errno.ts";
import { openLibrary } from "./library.ts";

export interface PathFacts {
  /** One of engine.ts' Kind. */
  readonly kind: number;
  /** Identity of the inode; equal for two paths of one thing. */
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
}

const ENOENT = 2;
const ENOTDIR = 20;

/** Undefined where nothing stands. Raises BlitError (failed) when it cannot be looked at. */
export function pathFacts(path: string, follow: boolean): PathFacts | undefined {
  const calls = openLibrary()?.symbols;
  if (!calls) return denoFacts(path, follow);
  const out = new BigUint64Array(4);
  const errno = -Number(calls.blit_path_facts(cString(path), follow ? 1n : 0n, new Uint8Array(out.buffer)));
  if (errno === ENOENT || errno === ENOTDIR) return undefined;
  if (errno !== 0) throw pathError("look at", path, errno);
  return { kind: Number(out[0]), dev: Number(out[1]), ino: Number(out[2]), size: Number(out[3]) };
}

/**
 * Whether the file system that a path leads to answers within a few milliseconds, as all do that are alive and near. Always false
 * without the shim.
 */
export function answersSoon(path: string): boolean {
  return openLibrary()?.symbols.blit_path_answers(cString(path), SOON_MS) === 1n;
}

const SOON_MS = 20n;

/** What a directory shows before it is scanned. */
export interface FirstLook {
  readonly files: number;
  readonly bytes: number;
  readonly largestBytes: number;
  /** There are no more files than that, or they have too many bytes; otherwise the figures mean nothing. */
  readonly complete: boolean;
}

export const nothingSeen: FirstLook = { files: 0, bytes: 0, largestBytes: 0, complete: false };

/** Reads no further than to the first directory, or until there are more files or bytes than that. Raises what the system raises. */
export function firstLook(path: string, maxFiles: number, maxBytes: number): FirstLook {
  const calls = openLibrary()?.symbols;
  if (!calls) return nothingSeen;
  const out = new BigUint64Array(3);
  const seen = new Uint8Array(out.buffer);
  const status = calls.blit_path_first_look(cString(path), BigInt(maxFiles), BigInt(Math.round(maxBytes)), seen);
  if (status < 0n) throw pathError("look at", path, -Number(status));
  if (status === 0n) return nothingSeen;
  return { files: Number(out[0]), bytes: Number(out[1]), largestBytes: Number(out[2]), complete: true };
}

export type Inode = Pick<PathFacts, "dev" | "ino">;

export function sameInode(a: Inode, b: Inode): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** The directory and those above it, up to the root. Walks by "..", which the kernel resolves. */
export function directoriesUpFrom(directory: string): PathFacts[] {
  const found: PathFacts[] = [];
  let path = directory;
  for (let facts = pathFacts(path, true); facts; facts = pathFacts(path, true)) {
    const last = found.at(-1);
    if (last && sameInode(last, facts)) break;
    found.push(facts);
    path += "/..";
  }
  return found;
}

function denoFacts(path: string, follow: boolean): PathFacts | undefined {
  try {
    const info = follow ? Deno.statSync(path) : Deno.lstatSync(path);
    return { kind: kindOf(info), dev: info.dev, ino: info.ino ?? 0, size: info.size };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw BlitError.from(error, `look at "${path}"`);
  }
}

function kindOf(info: Deno.FileInfo): number {
  if (info.isFile) return Kind.File;
  if (info.isDirectory) return Kind.Directory;
  if (info.isSymlink) return Kind.Symlink;
  return info.isFifo ? Kind.Fifo : info.isSocket ? Kind.Socket : info.isCharDevice ? Kind.CharDevice : Kind.BlockDevice;
}

/** Makes a directory and those above it; true if it made one. Raises BlitError (failed). */
export function makeDirectory(path: string): boolean {
  const calls = openLibrary()?.symbols;
  if (calls) {
    const made = Number(calls.blit_path_make(cString(path)));
    if (made < 0) throw pathError("create", path, -made);
    return made === 1;
  }
  if (pathFacts(path, true)) return false;
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw BlitError.from(error, `create "${path}"`);
  }
  return true;
}

/** Renames without ever replacing anything; false where that is not possible (another file system, something stands there). */
export function renameIfFree(from: string, to: string): boolean {
  const calls = openLibrary()?.symbols;
  return calls !== undefined && calls.blit_path_rename(cString(from), cString(to)) === 0n;
}

/** Removes an empty directory; false if it is not empty or cannot be removed. */
export function removeEmptyDirectory(path: string): boolean {
  const calls = openLibrary()?.symbols;
  if (calls) return calls.blit_path_remove_dir(cString(path)) === 0n;
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    return false;
  }
}

function pathError(action: string, path: string, errno: number): BlitError {
  const words = engineError(errno, 0).message.replace(/^.*?: /, "");
  return new BlitError("failed", `Cannot ${action} "${path}": ${words}`);
}

function cString(path: string): Uint8Array<ArrayBuffer> {
  return pathToBytes(`${path}\0`);
}
