/** The backup tree, which keeps what is replaced or deleted; and replacing, which goes through it. */

import { constants } from "node:fs";
import { link, open, readlink, rename, symlink } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import { copyContent, openSource } from "./portable_content.ts";
import type { Context } from "./portable_context.ts";
import { type Directory, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, specialFileError, Step } from "./portable_error.ts";
import { type Facts, factsAt } from "./portable_facts.ts";
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
  const to = backup.prefix + name;
  // An older backup of the same name gives way.
  await removeRest(to);
  try {
    await (take ? rename : link)(from, to);
  } catch (thrown) {
    const code = codeOf(thrown) ?? "";
    if (code === "ENOENT") return;
    if (!needCopy.includes(code)) throw entryError(Step.Backup, thrown);
    await during(Step.Backup, copyEntry(context, lane, from, to));
    if (take) await during(Step.Backup, removeFile(from));
  }
}

async function copyEntry(context: Context, lane: Lane, from: string, to: string): Promise<void> {
  const facts = await factsAt(from);
  if (facts.kind === Kind.File) return await copyFileTo(context, lane, from, to, facts);
  if (facts.kind !== Kind.Symlink) throw specialFileError();
  await symlink(await readlink(from), to);
  await applyMetadataAt(context, to, facts);
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
    } catch (thrown) {
      await removeRest(to);
      throw thrown;
    } finally {
      await destination.close();
    }
  } finally {
    await source.close();
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
