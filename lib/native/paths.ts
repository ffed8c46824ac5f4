/**
 * Paths as the user gave them, before an engine is open: what stands there, making and renaming. PEP 383 strings; without the
 * shim names that are not UTF-8 are not found.
 */

import { BlitError } from "../base/errors.ts";
import { pathFromBytes, pathToBytes, printablePath } from "../base/path_bytes.ts";
import { directoryName } from "../base/path_parts.ts";
import { Kind } from "../model/entry.ts";
import { EIO, errnoOf, stateOf } from "./errno.ts";
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
const ELOOP = Deno.build.os === "linux" ? 40 : 62;
const EISDIR = 21;
const EINVAL = 22;

const LINE_END = 0x0a;

/** Undefined where nothing stands, which is where a symbolic link that leads to itself leads. Raises BlitError (failed) when it cannot be looked at. */
export function pathFacts(path: string, follow: boolean): PathFacts | undefined {
  const calls = openLibrary()?.symbols;
  if (!calls) return denoFacts(path, follow);
  const out = new BigUint64Array(4);
  const errno = -Number(calls.blit_path_facts(cString(path), follow ? 1n : 0n, new Uint8Array(out.buffer)));
  if (errno === ENOENT || errno === ENOTDIR || errno === ELOOP) return undefined;
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

export function hasShim(): boolean {
  return openLibrary() !== undefined;
}

const SOON_MS = 20n;

/** Room to begin with; what /proc, /sys and the settings hold fits in. */
const READ_ROOM = 64 * 1024;
const PATH_ROOM = 4096;

let room = new Uint8Array(READ_ROOM);

const decoder = new TextDecoder();

/**
 * The text of a small file, undefined where nothing stands. Throws for anything but a regular file, and for one that cannot be
 * read. Deno's own calls take half a millisecond when they first find nothing.
 */
export function readSmallText(path: string): string | undefined {
  const calls = openLibrary()?.symbols;
  if (!calls) return denoRead(path);
  for (;;) {
    const read = Number(calls.blit_path_read(cString(path), room, BigInt(room.length)));
    if (read === -ENOENT || read === -ENOTDIR) return undefined;
    if (read === -EINVAL) throw notRegular(path);
    if (read < 0) throw systemError(path, -read);
    if (read < room.length) return decoder.decode(room.subarray(0, read));
    room = new Uint8Array(2 * room.length);
  }
}

function denoRead(path: string): string | undefined {
  return fileFacts(path) && Deno.readTextFileSync(path);
}

/** As `pathFacts`, of where the path leads; throws for anything but a regular file: a fifo would hang whoever opens it. */
export function fileFacts(path: string): PathFacts | undefined {
  const facts = pathFacts(path, true);
  if (facts && facts.kind !== Kind.File) throw notRegular(path);
  return facts;
}

/**
 * Puts a line, its end included, at the end of a file in one write, so that no other process tears it. Makes the file, for its owner
 * alone. Returns the file's size in bytes, or undefined where the folder is missing. Throws for anything but a
 * regular file, and where the whole line cannot be written.
 */
export function appendLine(path: string, line: Uint8Array<ArrayBuffer>): number | undefined {
  const calls = openLibrary()?.symbols;
  if (!calls) return denoAppend(path, line);
  const size = Number(calls.blit_path_append(cString(path), line, BigInt(line.length)));
  if (size === -ENOENT) return undefined;
  if (size === -EINVAL || size === -EISDIR) throw notRegular(path);
  if (size < 0) throw systemError(path, -size);
  return size;
}

function denoAppend(path: string, line: Uint8Array<ArrayBuffer>): number | undefined {
  fileFacts(path);
  try {
    using file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
    const size = file.seekSync(0, Deno.SeekMode.End);
    const last = new Uint8Array([LINE_END]);
    if (size > 0) file.seekSync(-1, Deno.SeekMode.End);
    file.readSync(last);
    const whole = last[0] === LINE_END ? line : new Uint8Array([LINE_END, ...line]);
    if (file.writeSync(whole) < whole.length) throw new Error("the disk is full");
    return size + whole.length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function notRegular(path: string): Error {
  return new Error(`"${path}" is not a regular file`);
}

/** The path without symlinks; undefined where it leads to nothing, or nothing that can be told. */
export function realPath(path: string): string | undefined {
  const calls = openLibrary()?.symbols;
  if (!calls) {
    try {
      return Deno.realPathSync(path);
    } catch {
      return undefined;
    }
  }
  const out = new Uint8Array(PATH_ROOM);
  const length = Number(calls.blit_path_real(cString(path), out, BigInt(PATH_ROOM)));
  return length < 0 ? undefined : pathFromBytes(out.subarray(0, length));
}

/** What this process may still use of a file system. */
export interface FreeRoom {
  readonly bytes: number;
  /** Files and directories that can be made; undefined where the file system counts none. */
  readonly inodes?: number;
}

/** Of a directory's file system; undefined where it does not tell, and without the shim. */
export function freeRoom(directory: string): FreeRoom | undefined {
  const out = new BigUint64Array(6);
  const status = openLibrary()?.symbols.blit_path_space(cString(directory), new Uint8Array(out.buffer));
  return status === 0n ? roomOf(out) : undefined;
}

/** Of the words that the shim gives. */
export function roomOf([total, , available, inodes, inodesFree]: BigUint64Array): FreeRoom | undefined {
  if (total === 0n) return undefined; // a tmpfs without a limit
  return { bytes: Number(available), inodes: inodes === 0n ? undefined : Number(inodesFree) };
}

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

/**
 * The directory and those above it, up to the root. Walks by "..", which the kernel resolves. Raises BlitError where the directory
 * cannot be entered.
 */
export function directoriesUpFrom(directory: string): PathFacts[] {
  const found: PathFacts[] = [];
  let path = directory;
  const look = () => {
    try {
      return pathFacts(path, true);
    } catch (thrown) {
      if (found.length !== 1) throw thrown;
      const reason = BlitError.from(thrown).message.slice(`Cannot look at "${path}": `.length);
      throw new BlitError("failed", `Cannot enter "${directory}": ${reason}`);
    }
  };
  for (let facts = look(); facts; facts = look()) {
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
    const errno = errnoOf((error as { code?: string }).code);
    if (errno === ELOOP) return undefined;
    if (errno !== undefined) throw pathError("look at", path, errno);
    throw BlitError.from(error, `look at "${path}"`);
  }
}

function kindOf(info: Deno.FileInfo): number {
  if (info.isFile) return Kind.File;
  if (info.isDirectory) return Kind.Directory;
  if (info.isSymlink) return Kind.Symlink;
  return info.isFifo ? Kind.Fifo : info.isSocket ? Kind.Socket : info.isCharDevice ? Kind.CharDevice : Kind.BlockDevice;
}

/** Makes a directory and those above it, on the medium too if asked; true if it made one. Raises BlitError (failed). */
export function makeDirectory(path: string, sync: boolean): boolean {
  const calls = openLibrary()?.symbols;
  if (calls) {
    const made = Number(calls.blit_path_make(cString(path), sync ? 1n : 0n));
    if (made < 0) throw pathError("create", path, -made);
    return made === 1;
  }
  if (pathFacts(path, true)) return false;
  try {
    denoMake(path, sync);
  } catch (error) {
    throw BlitError.from(error, `create "${path}"`);
  }
  return true;
}

function denoMake(path: string, sync: boolean): void {
  const missing: string[] = [];
  for (let at = path; sync && !pathFacts(at, true); at = directoryName(at)) missing.push(at);
  Deno.mkdirSync(path, { recursive: true });
  for (const made of missing) {
    const above = Deno.openSync(directoryName(made));
    try {
      above.syncSync();
    } finally {
      above.close();
    }
  }
}

/** Renames without ever replacing anything; false where that is not possible (another file system, something stands there). */
export function renameIfFree(from: string, to: string): boolean {
  const calls = openLibrary()?.symbols;
  return calls !== undefined && calls.blit_path_rename(cString(from), cString(to)) === 0n;
}

/** Renames, whatever stands at the new name. Raises BlitError (failed); names that are not UTF-8 cannot be given. */
export function rename(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    throw BlitError.from(error, `rename "${printablePath(from)}"`);
  }
}

/** Removes a directory in which nothing is left. Returns the system's number of the error, 0 for none. */
export function removeEmptyDirectory(path: string): number {
  const calls = openLibrary()?.symbols;
  return calls ? -Number(calls.blit_path_remove_dir(cString(path))) : denoRemove(path);
}

function denoRemove(path: string): number {
  try {
    Deno.removeSync(path);
    return 0;
  } catch (error) {
    return errnoOf((error as { code?: string }).code) ?? EIO;
  }
}

function pathError(action: string, path: string, errno: number): BlitError {
  return new BlitError("failed", `Cannot ${action} "${path}": ${stateOf(errno)}`);
}

function systemError(path: string, errno: number): Error {
  return new Error(`"${path}": ${stateOf(errno)}`);
}

function cString(path: string): Uint8Array<ArrayBuffer> {
  return pathToBytes(`${path}\0`);
}
