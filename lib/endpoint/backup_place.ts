/**
 * Where a backup directory may stand. What is kept there must neither be taken for a part of one of the trees nor end up in the
 * source, so it is refused as, in or above a source, and as or above a destination. It may stand in a source where the scan never
 * comes, and in a destination where the source has nothing: there a mirror neither deletes nor fills it.
 *
 * Judged by inode, so that symlinks, ".." and bind mounts hide nothing, and by name from where nothing stands yet.
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { Kind } from "../model/entry.ts";
import { directoriesUpFrom, pathFacts, realPath } from "../native/paths.ts";
import { existingPart } from "./place.ts";
import { parseRemote } from "./remote.ts";

const elsewhere = "Name a directory beside both, or one in the destination that the source does not have.";

/** Trees on this machine, either of which may be missing. */
interface Trees {
  readonly sourceRoot?: string;
  readonly destinationRoot?: string;
  /** The job is about one entry in them. */
  readonly single: boolean;
}

/** What the filters and the limits of the run make of a place in the source. */
interface Scan {
  /** Of any path in it. */
  isNeverEntered(path: string): boolean;
  /** Of a path relative to it. */
  includes(path: string): boolean;
}

/** Raises BlitError (usage). */
export function refuseBackup(backup: string, { sourceRoot, destinationRoot, single }: Trees, scan?: Scan): void {
  const shown = printablePath(backup);
  if (parseRemote(backup) !== undefined) {
    throw usageError(
      `Cannot keep backups in "${shown}": the destination is on this machine`,
      "Name a local directory.",
    );
  }
  const { directory, missing } = existingPart(backup);
  // A symlink that leads nowhere has a name, too.
  const taken = missing.length > 0 && pathFacts(`${directory}/${missing[0]}`, false) !== undefined;
  if (taken || pathFacts(directory, true)?.kind !== Kind.Directory) {
    throw usageError(`Cannot keep backups in "${shown}": it is not a directory`);
  }
  for (const [side, root] of [["source", sourceRoot], ["destination", destinationRoot]] as const) {
    if (root === undefined) continue;
    const relation = relationOf(identities(backup), identities(root));
    const harmless = relation === undefined || (relation !== "is" && single) ||
      (relation === "is inside" && (side === "destination" || scan?.isNeverEntered(backup)));
    if (!harmless) throw usageError(`Cannot keep backups in "${shown}": it ${relation} the ${side}`, elsewhere);
  }
  if (sourceRoot === undefined || destinationRoot === undefined || single) return;
  const below = pathBelow(backup, destinationRoot);
  if (below !== undefined && pathFacts(`${sourceRoot}/${below}`, false) && scan?.includes(below) !== false) {
    throw usageError(`Cannot keep backups in "${shown}": the source has "${printablePath(below)}", too`, elsewhere);
  }
}

type Relation = "is" | "is inside" | "is above";

/** Of lists as `identities` makes them. */
function relationOf(backup: readonly string[], other: readonly string[]): Relation | undefined {
  if (backup[0] === other[0]) return "is";
  if (backup.includes(other[0])) return "is inside";
  return other.includes(backup[0]) ? "is above" : undefined;
}

/** The same of relative paths in one module of a daemon, where no symlinks are followed. */
export function refuseBackupBeneath(backup: string, destination: string, shown: string, single: boolean): void {
  const relation = relationOf(namesUp(backup), namesUp(destination));
  if (relation === undefined || relation === "is inside" || (relation !== "is" && single)) return;
  throw usageError(`Cannot keep backups in "${printablePath(shown)}": it ${relation} the destination`, elsewhere);
}

function namesUp(path: string): string[] {
  const up = [path];
  for (let at = path; at !== ""; up.push(at)) at = at.slice(0, Math.max(at.lastIndexOf("/"), 0));
  return up;
}

/** What tells the directory, and each above it, from all others; from where nothing stands yet its name below what does. */
function identities(path: string): string[] {
  const { directory, missing } = existingPart(path);
  const up = directoriesUpFrom(directory).map(({ dev, ino }) => `${dev}:${ino}`);
  for (const name of missing) up.unshift(`${up[0]}/${name}`);
  return up;
}

/** Undefined where it is not below the other one. */
function pathBelow(path: string, root: string): string | undefined {
  const [at, from] = [resolved(path), resolved(root)];
  return at.startsWith(`${from}/`) ? at.slice(from.length + 1) : undefined;
}

function resolved(path: string): string {
  const { directory, missing } = existingPart(path);
  return [(realPath(directory) ?? directory).replace(/\/+$/, ""), ...missing].join("/");
}
