/**
 * What lies beneath a root: looked at, listed, measured and removed without ever following a symlink or leaving the root
 * (native/beneath.c). Paths are relative PEP 383 strings without "." and "..", "" is the root itself. Works only with the shim.
 * Everything is asked on other threads, and a root that does not answer is given up (aside.ts).
 *
 * Errors are BlitErrors (failed) of the form `Cannot <action> "<path>": <state>`; `reasonOf` tells the errno.
 */

import { BlitError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import { type Argument, askAside, NO_ANSWER } from "./aside.ts";
import { closeDescriptor } from "./descriptors.ts";
import { engineError } from "./errno.ts";
import { Aside } from "./layout.ts";
import { openDaemonLibrary } from "./library.ts";

/** One entry of a directory. Without facts (names only, or `error` is set) the numbers are 0. */
export interface Listed {
  readonly name: Bytes;
  /** engine.ts, Kind. */
  readonly kind: number;
  /** Bytes. */
  readonly size: bigint;
  /** Bytes on the medium. */
  readonly allocated: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly nlink: number;
  /** Permission bits, set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: bigint;
  readonly mtimeNanoseconds: number;
  /** Of a symlink; empty otherwise. */
  readonly target: Bytes;
  /** Why it could not be looked at. */
  readonly error?: EntryError;
}

export interface EntryError {
  /** "EACCES" */
  readonly code: string;
  /** "permission denied" */
  readonly words: string;
}

export interface Space {
  /** Bytes; `available` is what an unprivileged writer may still use. */
  readonly total: bigint;
  readonly free: bigint;
  readonly available: bigint;
  /** 0 where the file system counts none. */
  readonly inodes: bigint;
  readonly inodesFree: bigint;
  readonly readOnly: boolean;
}

const LISTED_BYTES = 72;
/** Room for about 700 entries; a larger piece would keep the first entry waiting. */
const LIST_BUFFER_BYTES = 64 * 1024;
const REMOVED_AT_ONCE = 64;

/** Whether this program can resolve paths beneath a root at all. */
export function canResolveBeneath(): boolean {
  return openDaemonLibrary() !== undefined;
}

/** The entry itself; a symlink is not followed. Its name is empty for the root. */
export async function lookBeneath(root: string, path: string): Promise<Listed> {
  const out = new Uint8Array(8192);
  const length = await ask(root, path, "look at", Aside.Facts, [out, BigInt(out.length)]);
  return unpack(out.subarray(0, length))[0];
}

/**
 * The entries of a directory in the order the file system gives them, in pieces of up to a few hundred. `namesOnly` leaves the
 * facts out. One descriptor is open until the generator ends.
 */
export async function* listBeneath(
  root: string,
  path: string,
  namesOnly = false,
): AsyncGenerator<Listed[], void, void> {
  // Not "using": the bundler's minifier drops it for a variable that is named only once more.
  const walk = new BeneathWalk(root, path, namesOnly);
  try {
    yield* walk.list();
  } finally {
    walk[Symbol.dispose]();
  }
}

/**
 * A way through a tree that costs the same for each directory, however deep it is (native/walk.c). The place where it begins has depth
 * 0; directories are entered by name from one on the way to where it is. A few descriptors are open until it is disposed of.
 */
export class BeneathWalk implements Disposable {
  readonly #state = new BigUint64Array(1);
  /** A call that was given up still uses the state. */
  #busy = false;
  #over = false;

  constructor(private readonly root: string, private readonly path: string, private readonly namesOnly = false) {}

  /** Enters a directory, or begins, and gives its entries as `listBeneath` does. */
  async *list(parentDepth = 0, name: Uint8Array = new Uint8Array()): AsyncGenerator<Listed[], void, void> {
    const more = new Uint32Array(1);
    let entered = cString(name);
    do {
      const out = new Uint8Array(LIST_BUFFER_BYTES);
      const length = await this.#ask("list", Aside.WalkList, [
        cString(this.root),
        cString(this.path),
        new Uint8Array(this.#state.buffer),
        BigInt(parentDepth),
        entered,
        this.namesOnly ? 1n : 0n,
        out,
        BigInt(out.length),
        new Uint8Array(more.buffer),
      ]);
      if (length > 0) yield unpack(out.subarray(0, length));
      entered = cString("");
    } while (more[0] !== 0);
  }

  /** As `removeBeneath`, in the directory of that depth on the way; the walk is there then. */
  remove(
    depth: number,
    names: readonly Uint8Array[],
    kind: "directories" | "others",
  ): Promise<(EntryError | undefined)[]> {
    return removeInParts(names, kind, async (packed) => {
      await this.#ask("open", Aside.WalkRemove, [this.#state[0], BigInt(depth), ...packed]);
    });
  }

  async #ask(action: string, which: Aside, args: readonly Argument[]): Promise<number> {
    if (this.#busy) throw noAnswer(action, this.path);
    this.#busy = true;
    const end = () => {
      this.#busy = false;
      if (this.#over) this.#end();
    };
    const result = await askAside(this.root, patienceMs, which, args, end);
    if (result === undefined) throw noAnswer(action, this.path);
    end();
    if (result < 0) throw beneathError(action, this.path, -result);
    return result;
  }

  [Symbol.dispose](): void {
    this.#over = true;
    if (!this.#busy) this.#end();
  }

  #end(): void {
    if (this.#state[0] !== 0n) calls().blit_walk_end(this.#state[0]);
    this.#state[0] = 0n;
  }
}

/**
 * A descriptor of the directory, to be closed by `closeDescriptor`; undefined where it is missing. Raises BlitError (failed), where there
 * is no answer within `ms`, too.
 */
export async function openBeneath(root: string, path: string, ms: number): Promise<number | undefined> {
  try {
    return await ask(root, path, "open", Aside.Open, [], { ms, late: closeLate });
  } catch (error) {
    if (reasonOf(error)?.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The same, with what is missing made, on the medium too if asked; and how many directories that were. */
export async function makeBeneath(
  root: string,
  path: string,
  sync: boolean,
  ms: number,
): Promise<{ readonly descriptor: number; readonly made: number }> {
  const made = new Uint32Array(1);
  const args = [sync ? 1n : 0n, new Uint8Array(made.buffer)];
  const descriptor = await ask(root, path, "create", Aside.Make, args, { ms, late: closeLate });
  return { descriptor, made: made[0] };
}

function closeLate(descriptor: number): void {
  if (descriptor >= 0) closeDescriptor(descriptor);
}

/** Space of the file system that holds the entry. */
export async function spaceBeneath(root: string, path: string): Promise<Space> {
  const out = new BigUint64Array(6);
  await ask(root, path, "measure", Aside.Space, [new Uint8Array(out.buffer)]);
  const [total, free, available, inodes, inodesFree, readOnly] = out;
  return { total, free, available, inodes, inodesFree, readOnly: readOnly !== 0n };
}

/**
 * Removes entries of one directory: empty directories, or everything but directories. Returns for each name why it is still there,
 * undefined where it is gone.
 */
export function removeBeneath(
  root: string,
  directory: string,
  names: readonly Uint8Array[],
  kind: "directories" | "others",
): Promise<(EntryError | undefined)[]> {
  return removeInParts(names, kind, async (packed) => {
    await ask(root, directory, "open", Aside.Remove, packed);
  });
}

/** Large files take their time to go, and a call that takes long counts as one without an answer. */
async function removeInParts(
  names: readonly Uint8Array[],
  kind: "directories" | "others",
  remove: (packed: Argument[]) => Promise<void>,
): Promise<(EntryError | undefined)[]> {
  const reasons: (EntryError | undefined)[] = [];
  for (let at = 0; at === 0 || at < names.length; at += REMOVED_AT_ONCE) {
    const part = names.slice(at, at + REMOVED_AT_ONCE);
    const errors = new Int32Array(part.length);
    const ofDirectories = kind === "directories" ? 1n : 0n;
    try {
      await remove([packNames(part), BigInt(part.length), ofDirectories, new Uint8Array(errors.buffer)]);
    } catch (error) {
      if (at === 0) throw error;
      const reason = reasonOf(error);
      return names.map((_, i) => i < at ? reasons[i] : reason); // what went before is gone all the same
    }
    reasons.push(...errnosOf(errors));
  }
  return reasons;
}

/** The system's reason behind an error of this file; undefined for any other error. */
export function reasonOf(error: unknown): EntryError | undefined {
  return error instanceof BlitError ? error.cause as EntryError | undefined : undefined;
}

function calls() {
  const library = openDaemonLibrary();
  if (library === undefined) {
    throw new BlitError("failed", "Cannot resolve remote paths: the native library is missing");
  }
  return library.symbols;
}

type Bytes = Uint8Array<ArrayBuffer>;

let patienceMs = 20_000;

/** How long a look may take, from now on; 20 s before. */
export function lookFor(ms: number): void {
  patienceMs = ms;
}

/** Asks for something at a path. Raises BlitError (failed). */
async function ask(
  root: string,
  path: string,
  action: string,
  which: Aside,
  args: readonly Argument[],
  { ms = patienceMs, late }: { readonly ms?: number; readonly late?: (result: number) => void } = {},
): Promise<number> {
  calls();
  const result = await askAside(root, ms, which, [cString(root), cString(path), ...args], late);
  if (result === undefined) throw noAnswer(action, path);
  if (result < 0) throw beneathError(action, path, -result);
  return result;
}

function noAnswer(action: string, path: string): BlitError {
  return new BlitError("failed", `Cannot ${action} "${path}": ${NO_ANSWER.words}`, undefined, { cause: NO_ANSWER });
}

function unpack(bytes: Bytes): Listed[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Listed[] = [];
  for (let at = 0; at < bytes.length;) {
    const nameAt = at + LISTED_BYTES;
    const targetAt = nameAt + view.getUint16(at + 64, true);
    const end = targetAt + view.getUint16(at + 66, true);
    const errno = view.getUint32(at + 60, true);
    entries.push({
      size: view.getBigUint64(at, true),
      allocated: view.getBigUint64(at + 8, true),
      ino: view.getBigUint64(at + 16, true),
      dev: view.getBigUint64(at + 24, true),
      mtimeSeconds: view.getBigInt64(at + 32, true),
      mtimeNanoseconds: view.getUint32(at + 40, true),
      mode: view.getUint32(at + 44, true),
      uid: view.getUint32(at + 48, true),
      gid: view.getUint32(at + 52, true),
      nlink: view.getUint32(at + 56, true),
      kind: view.getUint8(at + 68),
      name: bytes.subarray(nameAt, targetAt),
      target: bytes.subarray(targetAt, end),
      error: errno === 0 ? undefined : entryError(errno),
    });
    at = (end + 7) & ~7;
  }
  return entries;
}

function packNames(names: readonly Uint8Array[]): Bytes {
  const packed = new Uint8Array(names.reduce((sum, name) => sum + name.length + 1, 1));
  let at = 0;
  for (const name of names) {
    packed.set(name, at);
    at += name.length + 1;
  }
  return packed;
}

function beneathError(action: string, path: string, errno: number): BlitError {
  const cause = entryError(errno);
  return new BlitError("failed", `Cannot ${action} "${path}": ${cause.words}`, undefined, { cause });
}

function entryError(errno: number): EntryError {
  const { code, message } = engineError(errno, 0);
  // What the engine says of a copy ("it vanished during the run") does not hold for a question.
  return { code, words: message.replace(/^.*?: /, "").replace(/ \(.*\)$/, "") };
}

function errnosOf(errors: Int32Array): (EntryError | undefined)[] {
  return Array.from(errors, (errno) => errno === 0 ? undefined : entryError(errno));
}

function cString(path: string | Uint8Array): Bytes {
  if (typeof path === "string") return pathToBytes(`${path}\0`);
  const out = new Uint8Array(path.length + 1);
  out.set(path);
  return out;
}
