/** The backup tree, which keeps what is replaced or deleted and in which nothing is overwritten; and replacing, which goes through it. */

import { constants } from "node:fs";
import { link, open, readlink, rename, symlink } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import { keepAs } from "./portable_backup_name.ts";
import { copyContent, openSource } from "./portable_content.ts";
import type { Context } from "./portable_context.ts";
import { type Directory, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, specialFileError, Step } from "./portable_error.ts";
import { type Facts, factsAt, factsIfAny } from "./portable_facts.ts";
import { applyMetadata, applyMetadataAt, createMode } from "./portable_meta.ts";
import type { Lane } from "./portable_queue.ts";
import { removeFile, removeRest } from "./portable_remove.ts";

/** Another file system, or one without hard links. */
const needCopy = ["EXDEV", "EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EMLINK"];

/**
 * Keeps what stands at `name` of the destination's directory: as a further name of a file, or by moving it when `take`. Without
 * a backup tree it does nothing, also with `take`. Raises EntryError.
 */
export async function backupEntry(
  context: Context,
  lane: Lane,
  directory: Directory,
  prefix: string,
  name: string,
  take: boolean,
): Promise<void> {
  if (!context.directories.has(Side.Backup)) return;
  using backup = await during(Step.Backup, context.directories.pin(directory, Side.Backup));
  const from = prefix + name;
  try {
    await keepAs(name, (as) => link(from, backup.prefix + as));
  } catch (thrown) {
    const code = codeOf(thrown) ?? "";
    if (code === "ENOENT") return;
    if (!needCopy.includes(code)) throw entryError(Step.Backup, thrown);
    await during(Step.Backup, linkOrCopy(context, lane, directory, from, backup.prefix, name));
  }
  if (take) await during(Step.Backup, removeFile(from));
}

/** Names of one inode come one after the other, so that the next finds the first one's copy. */
async function linkOrCopy(
  context: Context,
  lane: Lane,
  directory: Directory,
  from: string,
  to: string,
  name: string,
): Promise<void> {
  const { backupCopies } = context;
  const { inode, mtimeMs, nlink } = await factsAt(from);
  const key = `${inode} ${mtimeMs}`;
  const first = backupCopies.get(key);
  if (first === undefined && nlink === 1) return void await copyEntry(context, lane, from, to, name);
  if (first === undefined) {
    const work = copyEntry(context, lane, from, to, name).then((as) => ({ directory, as }));
    // A copy that failed is tried anew by the next name.
    work.catch(() => backupCopies.delete(key));
    backupCopies.set(key, { work, left: nlink - 1 });
    return void await work;
  }
  // After the last name another file may get the inode.
  if (--first.left === 0) backupCopies.delete(key);
  const copy = await first.work;
  using there = await context.directories.pin(copy.directory, Side.Backup);
  await keepAs(name, (as) => link(there.prefix + copy.as, to + as));
}

/** Under a temporary name first. Answers with its name. */
async function copyEntry(context: Context, lane: Lane, from: string, to: string, name: string): Promise<string> {
  const facts = await factsAt(from);
  const temp = to + context.tempName();
  try {
    if (facts.kind === Kind.File) await copyFileTo(context, lane, from, temp, facts);
    else if (facts.kind !== Kind.Symlink) throw specialFileError();
    else {
      await symlink(await readlink(from), temp);
      await applyMetadataAt(context, temp, facts);
    }
    return await keepAs(name, (as) => renameFree(temp, to + as));
  } finally {
    await removeRest(temp);
  }
}

/** Leaves the old name to the caller, unless it had to be renamed: there is no call that does it and never replaces anything. */
async function renameFree(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (thrown) {
    if (!needCopy.includes(codeOf(thrown) ?? "")) throw thrown;
    if (await factsIfAny(to)) throw Object.assign(new Error("it is there"), { code: "EEXIST" });
    await rename(from, to);
  }
}

async function copyFileTo(context: Context, lane: Lane, from: string, to: string, facts: Facts): Promise<void> {
  const source = await openSource(from);
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const destination = await open(to, flags, createMode(context, facts));
    try {
      const content = await copyContent({ context, lane, source, destination }, facts);
      if (content !== "whole") throw ownError(Own.Changed, Step.Backup);
      await applyMetadata(context, context.through(destination.fd, to), facts);
    } finally {
      await destination.close();
    }
  } finally {
    await source.close();
  }
}

/** The directory in the backup tree gets what the destination's had when this run came; it is made if it is missing. */
export async function settleBackup(context: Context, directory: Directory): Promise<void> {
  using backup = await during(Step.Backup, context.directories.pin(directory, Side.Backup));
  if (directory.backupMade && directory.found) {
    await applyMetadata(context, `${backup.prefix}.`, directory.found);
  }
}

/** Puts a finished temporary entry under its name; what stood there goes into the backup tree. Raises EntryError. */
export async function replaceEntry(
  context: Context,
  lane: Lane,
  directory: Directory,
  prefix: string,
  temp: string,
  name: string,
): Promise<void> {
  await backupEntry(context, lane, directory, prefix, name, false);
  try {
    await rename(temp, prefix + name);
  } catch (thrown) {
    const code = codeOf(thrown) ?? "";
    if (code === "EISDIR" || code === "ENOTEMPTY") throw ownError(Own.BusyKind, Step.Rename);
    throw entryError(Step.Rename, thrown);
  }
}
