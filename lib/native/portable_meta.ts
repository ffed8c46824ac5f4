/**
 * What an entry has besides its content, as far as Deno can read and set it: owner, mode and times in whole milliseconds.
 * Extended attributes and ACLs cannot even be seen.
 *
 * Order matters: a change of owner clears setuid bits, so owner, then mode, and the times last. What a file system or an
 * ordinary user cannot keep is noted in the lost bits, not an error of the entry.
 */

import { constants } from "node:fs";
import { chmod, chown, lchown, lutimes, open, readlink } from "node:fs/promises";
import { Diff, Kind } from "../model/entry.ts";
import { Lost } from "./engine.ts";
import type { Context } from "./portable_context.ts";
import { codeOf, during, entryError, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsAt, factsOfOpen, factsThrough } from "./portable_facts.ts";

/** Linux: opens what may not be read either, just to name it. Node has no word for it. */
const O_PATH = 0o10000000;

/** Mode to create a file with, so that nobody may read more than in the end: where the owner is still to change, nobody. */
export function createMode(context: Context, facts: Facts): number {
  const ours = facts.uid === context.uid && facts.gid === context.gid;
  return facts.mode & (ours ? 0o777 : 0o700);
}

export function ownerDiffers(context: Context, source: Facts, destination: Facts): boolean {
  if (!context.posix) return false;
  if (context.givesAway) return !sameOwner(source, destination);
  return source.gid !== destination.gid && destination.uid === context.uid && context.groups.has(source.gid);
}

export function modeDiffers(context: Context, source: Facts, destination: Facts): boolean {
  return context.posix && source.kind !== Kind.Symlink && modeWanted(source, destination) !== destination.mode;
}

function sameOwner(a: Owner, b: Owner): boolean {
  return a.uid === b.uid && a.gid === b.gid;
}

type Owner = Pick<Facts, "uid" | "gid">;

const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;

/**
 * The mode of an entry that has these owners. Without those of its source, a program must not run as whoever owns the copy, and a
 * directory must not hand on another group.
 */
function modeWanted(source: Facts, owner: Owner): number {
  let withheld = sameOwner(source, owner) ? 0 : SET_USER_ID | SET_GROUP_ID;
  if (source.kind === Kind.Directory && source.gid === owner.gid) withheld &= ~SET_GROUP_ID;
  return source.mode & ~withheld;
}

export function mtimeDiffers(context: Context, source: Facts, destination: Facts): boolean {
  return Math.abs(source.mtimeMs - destination.mtimeMs) >= context.granularityMs;
}

/** Diff bits of what is not content. */
export function metadataDiff(context: Context, source: Facts, destination: Facts): number {
  return (mtimeDiffers(context, source, destination) ? Diff.Mtime : 0) |
    (modeDiffers(context, source, destination) ? Diff.Mode : 0) |
    (ownerDiffers(context, source, destination) ? Diff.Owner : 0);
}

/** Diff bits of two non-directories. */
export async function entryDiff(
  context: Context,
  source: Facts,
  sourcePath: string,
  destination: Facts,
  destinationPath: string,
): Promise<number> {
  if (source.kind !== destination.kind) return Diff.Kind;
  let diff = metadataDiff(context, source, destination);
  if (source.kind === Kind.File) {
    if (source.size !== destination.size) diff |= Diff.Size;
  } else if (source.kind === Kind.Symlink) {
    if (!await sameTarget(sourcePath, destinationPath)) diff |= Diff.Target;
  } else if (isDevice(source.kind) && source.rdev !== destination.rdev) {
    diff |= Diff.Target;
  }
  if (source.nlink > 1) diff |= Diff.Linked;
  else if (destination.nlink > 1) diff |= Diff.DestinationLinked;
  return diff;
}

function isDevice(kind: number): boolean {
  return kind === Kind.CharDevice || kind === Kind.BlockDevice;
}

async function sameTarget(a: string, b: string): Promise<boolean> {
  try {
    return await readlink(a) === await readlink(b);
  } catch {
    return false;
  }
}

/**
 * Makes owner, mode and times of the entry that `path` leads to those in `facts`; answers lost bits. `path` is followed unless
 * it is a symlink that is to be changed, so it must lead through a descriptor or be known not to be one.
 */
export async function applyMetadata(context: Context, path: string, facts: Facts): Promise<number> {
  const symlink = facts.kind === Kind.Symlink;
  let lost = 0;
  if (context.posix) {
    const now = await during(Step.Mode, symlink ? factsAt(path) : factsThrough(path));
    let owner: Owner = now;
    if (ownerDiffers(context, facts, now)) {
      const uid = context.givesAway ? facts.uid : now.uid;
      const changed = (symlink ? lchown : chown)(path, uid === now.uid ? -1 : uid, facts.gid);
      if (await tolerate(Step.Owner, changed, ["EPERM", "EINVAL", "EOPNOTSUPP", "ENOTSUP"])) {
        owner = { uid, gid: facts.gid };
      } else {
        lost |= Lost.Owner;
        context.givesAway = false;
      }
    }
    if (context.root && !sameOwner(facts, owner)) lost |= Lost.Owner;
    const mode = modeWanted(facts, owner);
    if (!symlink && mode !== facts.mode) lost |= Lost.SetId;
    // A change of owner takes these bits away.
    const modeDue = !symlink && (mode !== now.mode || (owner !== now && (mode & 0o6000) !== 0));
    if (modeDue && !await tolerate(Step.Mode, chmod(path, mode), ["EPERM", "EOPNOTSUPP", "ENOTSUP"])) {
      lost |= Lost.Mode;
    }
  }
  if (!await setTimes(path, facts)) lost |= Lost.Times;
  return lost;
}

/** The same for an entry that is not open, by its path; it is not followed. Raises EntryError if it is of another kind. */
export async function applyMetadataAt(context: Context, path: string, facts: Facts): Promise<number> {
  if (facts.kind === Kind.Symlink || !context.directories.anchored) {
    const now = await during(Step.Mode, factsAt(path));
    if (now.kind !== facts.kind) throw ownError(Own.Changed, Step.Mode);
    return await applyMetadata(context, path, facts);
  }
  const entry = await during(Step.Mode, open(path, O_PATH | constants.O_NOFOLLOW));
  try {
    const now = await during(Step.Mode, factsOfOpen(entry));
    if (now.kind !== facts.kind) throw ownError(Own.Changed, Step.Mode);
    return await applyMetadata(context, context.through(entry.fd, path), facts);
  } finally {
    await entry.close();
  }
}

/** Sets the mode of what stands at `path` without following it. Raises what the system raises. */
export async function chmodAt(context: Context, path: string, mode: number): Promise<void> {
  if (!context.directories.anchored) return await chmod(path, mode);
  const entry = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    await chmod(context.through(entry.fd, path), mode);
  } finally {
    await entry.close();
  }
}

/** False where the file system does not keep them. */
function setTimes(path: string, facts: Facts): Promise<boolean> {
  // As dates: Deno cuts numbers of seconds off, and is a millisecond wrong with those of open files.
  const times = [new Date(facts.atimeMs), new Date(facts.mtimeMs)] as const;
  const set = facts.kind === Kind.Symlink ? lutimes : Deno.utime;
  return tolerate(Step.Times, set(path, ...times), ["EPERM", "EINVAL", "EOPNOTSUPP", "ENOTSUP"]);
}

/** True when it was done, false where it failed with one of these codes; raises EntryError for others. */
async function tolerate(step: Step, work: Promise<void>, codes: readonly string[]): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (thrown) {
    if (codes.includes(codeOf(thrown) ?? "")) return false;
    throw entryError(step, thrown);
  }
}
