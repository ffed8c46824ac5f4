/** A further name of a file that the destination has already. */

import { link } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import type { LinkAnswer } from "./engine.ts";
import { replaceEntry } from "./portable_backup.ts";
import type { Row } from "./portable_batch.ts";
import type { Context } from "./portable_context.ts";
import { type Directory, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Step } from "./portable_error.ts";
import { factsIfAny } from "./portable_facts.ts";
import { refuseFolded } from "./portable_fold.ts";
import type { Lane } from "./portable_queue.ts";
import { removeRest } from "./portable_remove.ts";

export interface LinkTask {
  readonly directory: Directory;
  readonly row: Row;
  readonly targetDirectory: Directory;
  readonly targetName: string;
}

/** Does not reject. */
export async function linkEntry(context: Context, lane: Lane, task: LinkTask): Promise<LinkAnswer> {
  try {
    if (task.row.broken) throw task.row.broken;
    return { same: await linkToTarget(context, lane, task), lost: 0 };
  } catch (thrown) {
    return { error: entryError(Step.Link, thrown).error, same: false, lost: 0 };
  }
}

/** @returns whether it already was the same file. */
async function linkToTarget(context: Context, lane: Lane, task: LinkTask): Promise<boolean> {
  const { directories, config } = context;
  const { directory, row, targetDirectory, targetName } = task;
  using above = await during(Step.Link, directories.pin(targetDirectory, Side.Destination));
  using destination = await during(Step.Link, directories.pin(directory, Side.Destination));
  const target = above.prefix + targetName;
  const path = destination.prefix + row.destinationName;
  if (row.destinationKind === Kind.None) {
    await refuseFolded(destination.prefix, row.destinationName, row.twin ?? false, Step.Link);
  }
  const [there, here] = await Promise.all([factsIfAny(target), factsIfAny(path)]);
  if (there && there.inode === here?.inode) return true;
  if (config.readOnly) return false;
  try {
    await link(target, path);
    return false;
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw entryError(Step.Link, thrown);
  }
  const temp = destination.prefix + context.tempName();
  await during(Step.Link, link(target, temp));
  try {
    await replaceEntry(context, lane, directory, destination.prefix, temp, row.destinationName);
  } finally {
    // Also after a rename that was none: both names had become links of one inode meanwhile.
    await removeRest(temp);
  }
  return false;
}
