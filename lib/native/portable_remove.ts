/** Taking away single entries. */

import { lstat, unlink } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import type { Context } from "./portable_context.ts";
import type { Directory } from "./portable_dirs.ts";
import { during, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsAt, factsIfAny } from "./portable_facts.ts";

/** Removes a non-directory. Raises what the system raises; EISDIR for a directory, which Deno's unlink would remove too. */
export async function removeFile(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
  await unlink(path);
}

/** What a failed copy left; that it cannot be removed is no news beside the failure itself. */
export async function removeRest(path: string): Promise<void> {
  await removeFile(path).catch(() => {});
}

/**
 * Removes the source entry of a settled copy if it still is what was copied, with its mode and owner, and the copy where it is looked
 * for. `copy` is its path; undefined where nothing was written.
 */
export async function removeSource(
  context: Context,
  directory: Directory,
  path: string,
  copied: Facts,
  copy: string | undefined,
): Promise<void> {
  context.directories.refuseGone(Step.RemoveSource, directory);
  const there = copy === undefined ? copied : await factsIfAny(copy);
  if (there?.kind !== copied.kind || (copied.kind === Kind.File && there.size !== copied.size)) {
    throw ownError(Own.Gone, Step.RemoveSource);
  }
  const now = await during(Step.RemoveSource, factsAt(path));
  if (!isUnchanged(copied, now)) throw ownError(Own.Changed, Step.RemoveSource);
  await during(Step.RemoveSource, removeFile(path));
}

/** Removing another of its names changes the time of an inode's last change. */
function isUnchanged(then: Facts, now: Facts): boolean {
  const same = (["inode", "size", "mtimeMs", "mode", "uid", "gid"] as const).every((fact) => then[fact] === now[fact]);
  return same && (then.nlink !== 1 || now.nlink !== 1 || then.ctimeMs === now.ctimeMs);
}
