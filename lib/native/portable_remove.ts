/** Taking away single entries. */

import { lstat, unlink } from "node:fs/promises";
import type { Context } from "./portable_context.ts";
import { during, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsAt } from "./portable_facts.ts";

/** Removes a non-directory. Raises what the system raises; EISDIR for a directory, which Deno's unlink would remove too. */
export async function removeFile(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
  await unlink(path);
}

/** What a failed copy left; that it cannot be removed is no news beside the failure itself. */
export async function removeRest(path: string): Promise<void> {
  await removeFile(path).catch(() => {});
}

/** Removes the source entry of a settled copy if it still is what was copied, and the copy where it is looked for. */
export async function removeSource(context: Context, path: string, copied: Facts): Promise<void> {
  context.directories.refuseGone(Step.RemoveSource);
  const now = await during(Step.RemoveSource, factsAt(path));
  if (now.inode !== copied.inode || now.size !== copied.size || now.mtimeMs !== copied.mtimeMs) {
    throw ownError(Own.Changed, Step.RemoveSource);
  }
  await during(Step.RemoveSource, removeFile(path));
}
