/**
 * Directories by number, and the way to what is in them: a prefix to put before a name.
 *
 * On Linux a directory is opened below its parent without following symlinks and the prefix leads through its descriptor
 * (/proc/self/fd/N/), so no path is too long and no link that is swapped in during the run leads out of the tree. Elsewhere
 * the prefix is an ordinary path; each directory is looked at once before it is used, which a swap afterwards defeats.
 *
 * Unpinned directories stay open, least recently used first to go, up to OPEN_MAX.
 */

import { closeSync, constants, existsSync, open, openSync, statSync } from "node:fs";
import { access, chmod, lstat, mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import { backupName } from "./portable_backup_name.ts";
import { rootError } from "./errno.ts";
import { codeOf, type EntryError, entryError, nameError, Own, ownError, Step } from "./portable_error.ts";
import type { Facts } from "./portable_facts.ts";
import type { Listing } from "./portable_listing.ts";

export const Side = { Source: 0, Destination: 1, Backup: 2 } as const;
export type Side = (typeof Side)[keyof typeof Side];

/** Directories that nobody uses at the moment, with up to three descriptors each: far below the usual limit of 1024. */
const OPEN_MAX = 128;

/** Whether a descriptor can be the start of a path. */
export function canAnchor(): boolean {
  return Deno.build.os === "linux" && existsSync("/proc/self/fd");
}

interface Opened {
  readonly prefix: string;
  /** What the prefix leads through. */
  readonly descriptor?: number;
}

const openDescriptor = promisify(open) as (path: string, flags: number) => Promise<number>;

export class Directory {
  readonly opened: (Opened | undefined)[] = [];
  readonly opening: (Promise<Opened> | undefined)[] = [];
  pins = 0;
  /** As it was when it was listed: a move changes its times. */
  source: Facts | undefined;
  /** With `oneFileSystem`: on another file system than its root, in the source or in the destination. */
  leftOut = false;
  keeps = false;
  /** The destination's, before this run touched anything in it. */
  found: Facts | undefined;
  /** Its name in the backup tree has this number; and whether this run made it there. */
  backupNumber = 0;
  backupMade = false;
  /** Where a listing that answered `more` goes on. */
  listing: Listing | undefined;

  constructor(
    readonly id: number,
    readonly parent: Directory | undefined,
    readonly name: string,
    /** Why its name cannot be used. */
    readonly broken: EntryError | undefined,
    /** The source has another name that differs in case or spelling only. */
    readonly twin: boolean,
  ) {}
}

/** Of two keys of inodes (Facts). */
export function onOneDevice(a: string, b: string): boolean {
  return a.split(":")[0] === b.split(":")[0];
}

/** A directory in use: the prefix is good until it is disposed of. */
export interface Pinned extends Disposable {
  readonly prefix: string;
}

export class DirectoryTable {
  readonly #slots = new Map<number, Directory>();
  readonly #idle = new Set<Directory>();
  readonly #rootInodes: (string | undefined)[] = [];

  /** @param roots By side. Raises BlitError (failed) when one cannot be opened. */
  constructor(private readonly roots: readonly (string | undefined)[], readonly anchored: boolean) {
    const root = new Directory(0, undefined, "", undefined, false);
    root.pins = 1; // for good
    this.#slots.set(0, root);
    roots.forEach((path, side) => {
      if (path === undefined) return;
      try {
        root.opened[side] = this.#openRoot(path, side as Side);
        const { dev, ino } = statSync(path, { bigint: true });
        this.#rootInodes[side] = `${dev}:${ino}`;
      } catch (thrown) {
        this.#close(root);
        throw rootError(side, path, entryError(rootStep(side as Side), thrown).error);
      }
    });
  }

  #openRoot(path: string, side: Side): Opened {
    if (!path.isWellFormed()) throw nameError(rootStep(side));
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    if (this.anchored) return { prefix: `/proc/self/fd/${descriptor}/`, descriptor };
    closeSync(descriptor);
    return { prefix: path.endsWith("/") ? path : `${path}/` };
  }

  /**
   * Raises EntryError where the destination's path does not lead to its root any more, or to the directory that is open: it was
   * unmounted, moved or replaced.
   */
  refuseGone(step: Step, directory: Directory): void {
    if (!this.has(Side.Destination)) return;
    const root = this.roots[Side.Destination]!;
    if (!this.isRoot(inodeOf(root) ?? "", Side.Destination)) throw ownError(Own.Gone, step);
    const { prefix, descriptor } = directory.opened[Side.Destination] ?? {};
    if (prefix === undefined || descriptor === undefined || !directory.parent) return;
    const path = `${root}/${this.pathOf(directory.id)}`.slice(0, -1);
    if (inodeOf(path) !== inodeOf(prefix)) throw ownError(Own.Gone, step);
  }

  has(side: Side): boolean {
    return this.#rootInodes[side] !== undefined;
  }

  /** Whether a directory with this inode (Facts) is the root of that side. */
  isRoot(inode: string, side: Side): boolean {
    return inode === this.#rootInodes[side];
  }

  /** Whether it is on the same file system as the root of that side. */
  isBesideRoot(inode: string, side: Side): boolean {
    const root = this.#rootInodes[side];
    return root !== undefined && onOneDevice(inode, root);
  }

  add(id: number, parent: number, name: string, broken: EntryError | undefined, twin = false): Directory {
    if (this.#slots.has(id)) throw new RangeError(`Directory ${id} exists already`);
    const directory = new Directory(id, this.get(parent), name, broken, twin);
    this.#slots.set(id, directory);
    return directory;
  }

  get(id: number): Directory {
    const directory = this.#slots.get(id);
    if (!directory) throw new RangeError(`No directory has number ${id}`);
    return directory;
  }

  pathOf(id: number): string {
    const names: string[] = [];
    for (let at: Directory | undefined = this.get(id); at?.parent; at = at.parent) names.push(`${at.name}/`);
    return names.reverse().join("");
  }

  /** Opens it where necessary (creates it, on the backup side). Raises what the system raises, or EntryError. */
  async pin(directory: Directory, side: Side): Promise<Pinned> {
    this.#hold(directory);
    try {
      const { prefix } = directory.opened[side] ?? await this.#openChain(directory, side);
      return { prefix, [Symbol.dispose]: () => this.#unpin(directory) };
    } catch (thrown) {
      this.#unpin(directory);
      throw thrown;
    }
  }

  #hold(directory: Directory): Directory {
    directory.pins++;
    this.#idle.delete(directory);
    return directory;
  }

  #unpin(directory: Directory): void {
    if (--directory.pins > 0 || !directory.parent) return;
    this.#idle.add(directory);
    for (const oldest of this.#idle) {
      if (this.#idle.size <= OPEN_MAX) return;
      this.#idle.delete(oldest);
      this.#close(oldest);
    }
  }

  /** From the top down, in a loop: depth has no limit and the stack has. */
  async #openChain(directory: Directory, side: Side): Promise<Opened> {
    const chain = [directory];
    while (chain[0].parent && !chain[0].parent.opened[side]) chain.unshift(chain[0].parent);
    const top = chain[0].parent;
    if (!top) throw Object.assign(new Error("there is no such root"), { code: "ENOENT" });
    // Two at a time are held, since a chain may be longer than there are descriptors.
    const held = [this.#hold(top)];
    try {
      for (const each of chain) {
        held.push(this.#hold(each));
        await this.#openOnce(each, side, held[0].opened[side]!.prefix);
        this.#unpin(held.shift()!);
      }
      return directory.opened[side]!;
    } finally {
      for (const each of held) this.#unpin(each);
    }
  }

  /** Two that want the same directory at the same time get the same descriptor. */
  #openOnce(directory: Directory, side: Side, above: string): Promise<Opened> {
    if (directory.opened[side]) return Promise.resolve(directory.opened[side]);
    return directory.opening[side] ??= this.#open(directory, side, above)
      .then((opened) => directory.opened[side] = opened)
      .finally(() => directory.opening[side] = undefined);
  }

  async #open(directory: Directory, side: Side, above: string): Promise<Opened> {
    if (directory.broken) throw directory.broken;
    return side === Side.Backup ? await this.#openBackup(directory, above) : await this.#enter(above + directory.name);
  }

  /** Joins a directory of its name that is there; where something else has the name, it gets a number. */
  async #openBackup(directory: Directory, above: string): Promise<Opened> {
    for (;; directory.backupNumber++) {
      const path = above + backupName(directory.name, directory.backupNumber);
      const made = await makeIfMissing(path);
      const known = made || directory.backupMade || directory.backupNumber === 0;
      if (!known || !(await lstat(path)).isDirectory()) continue;
      const opened = await this.#enter(path);
      directory.backupMade ||= made;
      const kept = directory.opened[Side.Destination];
      // The backup shall be as private as what it keeps.
      if (made && kept) await chmod(`${opened.prefix}.`, (await lstat(`${kept.prefix}.`)).mode & 0o7777);
      return opened;
    }
  }

  async #enter(path: string): Promise<Opened> {
    if (!this.anchored) {
      if (!(await lstat(path)).isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
      await access(path, constants.R_OK | constants.X_OK);
      return { prefix: `${path}/` };
    }
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const descriptor = await withoutAccessTime(flags, (flags) => openDescriptor(path, flags));
    return { prefix: `/proc/self/fd/${descriptor}/`, descriptor };
  }

  #close(directory: Directory): void {
    for (const opened of directory.opened.splice(0)) {
      if (opened?.descriptor !== undefined) closeSync(opened.descriptor);
    }
  }

  drop(directory: Directory): void {
    if (!directory.parent) return;
    this.#slots.delete(directory.id);
    this.#idle.delete(directory);
    this.#close(directory);
  }

  /** Nobody may be using one; only paths are known afterwards. */
  closeAll(): void {
    for (const directory of [...this.#slots.values(), ...this.#idle]) this.#close(directory);
    this.#idle.clear();
  }
}

function inodeOf(path: string): string | undefined {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts && `${facts.dev}:${facts.ino}`;
}

/** Opens with O_NOATIME where there is such a thing and it is allowed: it belongs to the owner and root. */
export async function withoutAccessTime<T>(flags: number, open: (flags: number) => Promise<T>): Promise<T> {
  const { O_NOATIME } = constants as { O_NOATIME?: number };
  try {
    return await open(flags | (O_NOATIME ?? 0));
  } catch (thrown) {
    if (O_NOATIME === undefined || codeOf(thrown) !== "EPERM") throw thrown;
    return await open(flags);
  }
}

async function makeIfMissing(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

function rootStep(side: Side): Step {
  return side === Side.Source ? Step.OpenSource : side === Side.Destination ? Step.ListDestination : Step.Backup;
}
