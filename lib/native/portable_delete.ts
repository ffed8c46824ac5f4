/** Deletes one non-directory of the destination; where there is a backup tree it goes there. */

import type { Detail } from "./engine.ts";
import { backupEntry } from "./portable_backup.ts";
import type { Row } from "./portable_batch.ts";
import type { Context } from "./portable_context.ts";
import { type Directory, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Step } from "./portable_error.ts";
import type { Lane } from "./portable_queue.ts";
import { removeFile } from "./portable_remove.ts";

/** Does not reject; undefined when it is gone. */
export async function deleteEntry(
  context: Context,
  lane: Lane,
  directory: Directory,
  row: Row,
  index: number,
): Promise<Detail | undefined> {
  const { directories } = context;
  const step = directories.has(Side.Backup) ? Step.Backup : Step.Remove;
  try {
    if (row.broken) throw row.broken;
    directories.refuseGone(step, directory);
    using destination = await during(step, directories.pin(directory, Side.Destination));
    if (step === Step.Backup) await backupEntry(context, lane, directory, destination.prefix, row.name, true);
    else await removeIfThere(destination.prefix + row.name);
    return undefined;
  } catch (thrown) {
    return { index, is: "failed", error: entryError(step, thrown).error };
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await removeFile(path);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
  }
}
