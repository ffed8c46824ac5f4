/** A directory once everything in it is done: its metadata, its times last of all, or its removal. */

import { constants } from "node:fs";
import { open, rmdir } from "node:fs/promises";
import type { Answer, SettleRequest } from "./engine.ts";
import { settleBackup } from "./portable_backup.ts";
import type { Context } from "./portable_context.ts";
import { type Directory, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Step } from "./portable_error.ts";
import { factsAt } from "./portable_facts.ts";
import { applyMetadata, metadataDiff } from "./portable_meta.ts";

/** Does not reject. Dropping the directory is left to whoever hands over the answer. */
export async function settleDirectory(
  context: Context,
  request: SettleRequest,
  directory: Directory,
): Promise<Answer> {
  let lost = 0;
  try {
    const kept = directory.parent && context.directories.has(Side.Backup);
    if (kept && (request.what === "remove" || directory.backupMade)) await settleBackup(context, directory);
    if (request.what === "remove") await during(Step.Remove, removeDirectory(context, directory, Side.Destination));
    else if (request.what === "metadata") lost = await settleMetadata(context, directory);
    if (request.removeSource && directory.parent && !directory.leftOut) await removeSourceIfEmpty(context, directory);
    return { lost };
  } catch (thrown) {
    return { error: entryError(Step.Mode, thrown).error, lost };
  }
}

async function removeDirectory(context: Context, directory: Directory, side: Side): Promise<void> {
  if (directory.broken) throw directory.broken;
  context.directories.refuseGone(side === Side.Source ? Step.RemoveSource : Step.Remove, directory);
  using above = await context.directories.pin(directory.parent!, side);
  await rmdir(above.prefix + directory.name);
}

/** What was excluded or failed stays, and so does its directory. */
async function removeSourceIfEmpty(context: Context, directory: Directory): Promise<void> {
  try {
    await removeDirectory(context, directory, Side.Source);
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw entryError(Step.RemoveSource, thrown);
  }
}

/** @returns lost bits. */
async function settleMetadata(context: Context, directory: Directory): Promise<number> {
  const { directories, config } = context;
  const { source: from } = directory;
  if (!from) throw new RangeError(`directory ${directory.id} was not listed`);
  using destination = await during(Step.Mode, directories.pin(directory, Side.Destination));
  const to = await during(Step.Mode, factsAt(`${destination.prefix}.`));
  const differs = metadataDiff(context, from, to) !== 0;
  const lost = differs ? await applyMetadata(context, `${destination.prefix}.`, from) : 0;
  if (config.fsync) await during(Step.Sync, flush(`${destination.prefix}.`));
  return lost;
}

async function flush(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
