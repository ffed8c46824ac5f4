/**
 * What the path arguments of a local job mean: from "SRC... DST" to pairs of directories.
 *
 * rsync's rules: `SRC/` means the contents of SRC, `SRC` means SRC itself inside DST. Where DST does not exist and has no
 * trailing slash, a single file (or symlink) is copied to that very name. Also refuses what would never end or eat itself:
 * source equal to destination, one inside the other, judged by inode so that symlinks and bind mounts do not hide it.
 */

import { BlitError, usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { directoryName, trimSlashes } from "../base/path_parts.ts";
import type { Job } from "../model/job.ts";
import { Kind } from "../model/entry.ts";
import { directoriesUpFrom, type PathFacts, pathFacts, realPath, sameInode } from "../native/paths.ts";
import { respelled } from "./folded_path.ts";
import { refuseKeptName, refuseSpecialDestination, refuseSpecialSource } from "./special.ts";
import { mergesOf, twinsError } from "./twins.ts";

/** One source in one place. All paths are PEP 383 strings. */
export interface Placement {
  /** A directory: of the tree, or the one that holds the single entry. */
  readonly sourceRoot: string;
  /** Undefined when everything is discarded. Need not exist yet. */
  readonly destinationRoot?: string;
  /** Set for a single entry that is no directory: its names on both sides. */
  readonly entry?: { readonly source: string; readonly destination: string };
  /** What filters see before an entry's path: a source that nests is seen from its own name on. "" or "name/". */
  readonly filterPrefix: string;
  /** `move` removes the source directory itself too (not where only its contents were named). */
  readonly removeRoot: boolean;
  /** Another source of the job leads into the same tree of the destination. */
  readonly merges?: boolean;
  /** Both names are of one entry, since its file system takes them for one: the first becomes the second. */
  readonly renames?: boolean;
}

/** Whether the filters let a directory of the source take part; asked from the top down, with the path that filters see. */
export type Enters = (directory: string) => boolean;

/** Raises BlitError: usage for contradictions, failed for a source that is missing. */
export function placeJob(job: Job, enters: Enters = () => true): Placement[] {
  const destination = job.discard ? undefined : job.destination;
  const target = destination === undefined ? undefined : pathFacts(destination, true);
  if (destination && !target && pathFacts(trimSlashes(destination), false)) {
    throw new BlitError(
      "failed",
      `Cannot copy to "${printablePath(destination)}": it is a symbolic link that leads nowhere`,
      "Remove the link, or create what it points to.",
    );
  }
  if (
    job.sources.length > 1 && destination !== undefined && target?.kind !== Kind.Directory &&
    !endsWithSlash(destination)
  ) {
    throw usageError(
      `Cannot put ${job.sources.length} sources into "${printablePath(destination)}": it is not a directory`,
      "End it with a slash to have it created.",
    );
  }
  const placements = job.sources.map((source) => placeSource(job, source, destination, target));
  for (const placement of placements) refuseInside(job, placement, enters);
  return markMerges(job, placements);
}

function markMerges(job: Job, placements: readonly Placement[]): Placement[] {
  const merges = mergesOf(placements.map(({ destinationRoot, entry }, i) => ({
    source: job.sources[i],
    path: destinationRoot === undefined ? `${i}` : entry ? join(destinationRoot, entry.destination) : destinationRoot,
    tree: entry === undefined,
  })));
  const roots = placements.map(({ sourceRoot, entry }, i) =>
    merges[i] && !entry ? pathFacts(sourceRoot, true) : undefined
  );
  roots.forEach((root, i) => {
    const k = roots.findIndex((other, k) => k < i && root && other && sameInode(root, other));
    if (k >= 0) throw twinsError({ source: job.sources[k], path: job.destination! }, { source: job.sources[i] });
  });
  return placements.map((placement, i) => ({ ...placement, merges: merges[i] }));
}

function placeSource(
  job: Job,
  source: string,
  destination: string | undefined,
  target: PathFacts | undefined,
): Placement {
  if (source === "") throw usageError("Cannot use an empty path as the source");
  if (destination === "") throw usageError("Cannot use an empty path as the destination");
  const contents = endsWithSlash(source);
  const path = trimSlashes(source);
  const facts = pathFacts(path, contents);
  if (!facts) {
    throw new BlitError("failed", `Cannot find the source "${printablePath(source)}": no such file or directory`);
  }
  if (facts.kind === Kind.Directory) return placeTree(job, path, contents, facts, destination, target);
  if (contents) {
    throw usageError(
      `Cannot use "${printablePath(source)}": it is not a directory`,
      "Leave the slash at its end away.",
    );
  }
  return placeEntry(job, path, facts, destination, target);
}

function placeTree(
  job: Job,
  path: string,
  contents: boolean,
  facts: PathFacts,
  destination: string | undefined,
  target: PathFacts | undefined,
): Placement {
  const nests = !contents && !isDots(path);
  const filterPrefix = nests && job.filter.filesFrom === undefined ? `${baseName(path)}/` : "";
  if (destination === undefined) return { sourceRoot: path, filterPrefix, removeRoot: false };
  if (target && target.kind !== Kind.Directory) {
    throw new BlitError(
      "failed",
      `Cannot copy the directory "${printablePath(path)}" to "${printablePath(destination)}": that is not a directory`,
    );
  }
  const destinationRoot = nests ? join(destination, baseName(path)) : destination;
  refuseOverlap(job, path, facts, destinationRoot);
  return { sourceRoot: path, destinationRoot, filterPrefix, removeRoot: nests };
}

function placeEntry(
  job: Job,
  path: string,
  facts: PathFacts,
  destination: string | undefined,
  target: PathFacts | undefined,
): Placement {
  const sourceRoot = directoryName(path);
  const name = baseName(path);
  refuseSpecialSource(job.verb, path, facts.kind, path);
  if (destination === undefined) {
    return { sourceRoot, entry: { source: name, destination: name }, filterPrefix: "", removeRoot: false };
  }
  const inside = target?.kind === Kind.Directory || endsWithSlash(destination) || isDots(destination) ||
    job.sources.length > 1;
  const destinationPath = inside ? join(destination, name) : destination;
  const destinationRoot = inside ? destination : directoryName(destination);
  refuseKeptName(job.verb, path, destinationPath);
  nearestExisting(destinationRoot); // refuses what cannot be created
  const there = pathFacts(destinationPath, false);
  refuseSpecialDestination(job.verb, destinationPath, (inside ? there : target)?.kind, destinationPath);
  if (there && sameInode(there, facts) && sameEntry(path, destinationPath)) {
    throw usageError(`Cannot copy "${printablePath(path)}" onto itself`);
  }
  const renames = there !== undefined && respelled(path, destinationPath) === "same";
  if (renames && job.verb !== "move") throw usageError(`Cannot ${job.verb} "${printablePath(path)}" onto itself`);
  if (!renames) refuseTarget(job, path, facts, destinationPath, there);
  return {
    sourceRoot,
    destinationRoot,
    entry: { source: name, destination: baseName(destinationPath) },
    filterPrefix: "",
    removeRoot: false,
    renames,
  };
}

/**
 * A symlink in the place of what it leads to would lead to itself, and the content would be lost. A file over a symlink that leads to
 * it would lose nothing, but a copy would be of a file onto itself; a move is what puts it there.
 */
function refuseTarget(
  job: Job,
  path: string,
  facts: PathFacts,
  destination: string,
  there: PathFacts | undefined,
): void {
  if (there === undefined || job.verb === "check") return;
  const [from, to] = [facts, there].map(({ kind }, i) =>
    kind === Kind.Symlink ? pathFacts(i === 0 ? path : destination, true) : undefined
  );
  if (from && sameInode(from, there)) {
    throw usageError(`Cannot ${job.verb} "${printablePath(path)}" onto what it leads to`);
  }
  if (to && sameInode(to, facts) && job.verb !== "move") {
    throw usageError(
      `Cannot ${job.verb} "${printablePath(path)}" onto "${printablePath(destination)}", which leads to it`,
    );
  }
}

/** Two names of one inode are fine (hard links); the same name in the same directory is not. */
function sameEntry(a: string, b: string): boolean {
  const [da, db] = [pathFacts(directoryName(a), true), pathFacts(directoryName(b), true)];
  return baseName(a) === baseName(b) && da !== undefined && db !== undefined && sameInode(da, db);
}

function refuseOverlap(job: Job, source: string, facts: PathFacts, destination: string): void {
  const [from, to] = [printablePath(source), printablePath(destination)];
  const there = pathFacts(destination, true);
  if (there && (sameInode(there, facts) || respelled(destination, source) === "same")) {
    throw usageError(`Cannot ${job.verb} "${from}" onto itself`);
  }
  if (job.verb === "check") return;
  if (job.verb === "mirror" && there && (isBeneath(source, there) || respelled(source, destination))) {
    throw usageError(`Cannot mirror "${from}" to "${to}": the source is inside the destination and would be deleted`);
  }
}

/** A destination inside the source would be copied into itself without end, unless the scan never comes there. */
function refuseInside(job: Job, placement: Placement, enters: Enters): void {
  const { sourceRoot, destinationRoot } = placement;
  if (job.verb === "check" || placement.entry !== undefined || destinationRoot === undefined) return;
  const facts = pathFacts(sourceRoot, true);
  const there = nearestExisting(destinationRoot);
  if (!facts || !(isBeneath(there, facts) || respelled(there, sourceRoot))) return;
  if (isNeverEntered(job, placement, destinationRoot, enters)) return;
  throw usageError(
    `Cannot ${job.verb} "${printablePath(sourceRoot)}" into "${
      printablePath(destinationRoot)
    }": the destination is inside the source`,
    "Leave it out with --exclude, or with --one-file-system where another file system is mounted there.",
  );
}

/** Whether the scan of a source never comes to a path in it: another file system begins before it, or a filter hides it. */
export function isNeverEntered(
  { oneFileSystem }: Pick<Job, "oneFileSystem">,
  { sourceRoot, filterPrefix }: Placement,
  path: string,
  enters: Enters,
): boolean {
  const { directory, missing } = existingPart(path);
  // What is made below a directory is on that directory's file system.
  if (oneFileSystem && pathFacts(directory, true)?.dev !== pathFacts(sourceRoot, true)?.dev) return true;
  const [from, to] = [realPath(sourceRoot), realPath(directory)];
  const above = from === "/" ? "/" : `${from}/`;
  // Elsewhere by name: a bind mount leads there, of which filters know nothing.
  if (from === undefined || to === undefined || !`${to}/`.startsWith(above)) return false;
  const names = [...to.slice(above.length).split("/").filter((name) => name !== ""), ...missing];
  return names.some((_, i) => !enters(filterPrefix + names.slice(0, i + 1).join("/")));
}

/** Whether the directory is, or lies somewhere below, that inode. */
function isBeneath(directory: string, inode: PathFacts): boolean {
  return directoriesUpFrom(directory).some((above) => sameInode(above, inode));
}

/** The path itself, or the closest directory above it that is there. Raises BlitError (usage) for ".." behind a missing one. */
export function nearestExisting(path: string): string {
  return existingPart(path).directory;
}

/** The same, and the names that are missing below it. */
export function existingPart(path: string): { readonly directory: string; readonly missing: readonly string[] } {
  const missing: string[] = [];
  let at = path;
  while (!pathFacts(at, true)) {
    const up = directoryName(at);
    if (up === at) break;
    // Creating "missing/.." would lead elsewhere than it seems.
    if (baseName(at) === "..") {
      throw usageError(`Cannot create "${printablePath(path)}": ".." follows a directory that does not exist`);
    }
    if (baseName(at) !== ".") missing.unshift(baseName(at));
    at = up;
  }
  return { directory: at, missing };
}

function endsWithSlash(path: string): boolean {
  return path.endsWith("/");
}

/** "." and ".." name no entry that could be nested; rsync merges their contents too. */
function isDots(path: string): boolean {
  return [".", ".."].includes(baseName(path)) || path === "/";
}

function baseName(path: string): string {
  return trimSlashes(path).replace(/^.*\//s, "");
}

function join(directory: string, name: string): string {
  return endsWithSlash(directory) ? directory + name : `${directory}/${name}`;
}
