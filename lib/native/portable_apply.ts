/** One action on one entry of a batch. Each entry stands alone: its failure is a detail of the answer, no more. */

import { readlink, realpath, symlink } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { Kind } from "../model/entry.ts";
import { Action, type Detail } from "./engine.ts";
import { replaceEntry } from "./portable_backup.ts";
import type { Row } from "./portable_batch.ts";
import { openSource, sameContent } from "./portable_content.ts";
import type { Context } from "./portable_context.ts";
import { copyFile, type Place } from "./portable_copy.ts";
import { type Directory, type Pinned, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, readOnlyError, specialFileError, Step } from "./portable_error.ts";
import { type Facts, factsAt, factsIfAny } from "./portable_facts.ts";
import { refuseFolded } from "./portable_fold.ts";
import { applyMetadataAt, mtimeDiffers } from "./portable_meta.ts";
import type { Lane } from "./portable_queue.ts";
import { removeRest, removeSource } from "./portable_remove.ts";

export interface Outcome {
  /** Undefined: it was simply done. */
  readonly detail?: Detail;
  /** Of content, when it was done. */
  readonly bytes: number;
  readonly lost: number;
}

export interface EntryTask {
  readonly directory: Directory;
  readonly row: Row;
  readonly index: number;
  readonly action: Action;
  readonly takeLinked: boolean;
}

/** Does not reject. */
export async function applyEntry(context: Context, lane: Lane, task: EntryTask): Promise<Outcome> {
  const { directory, row, index } = task;
  try {
    if (row.broken) throw row.broken;
    const harmless = task.action === Action.Content || task.action === Action.Probe;
    if (context.config.readOnly && !harmless) throw readOnlyError();
    const { directories } = context;
    using source = await during(Step.OpenSource, directories.pin(directory, Side.Source));
    const opens = task.action === Action.Probe && row.kind !== Kind.Symlink;
    using destination = opens ? undefined : await pinDestination(context, directory);
    const place: Place = {
      directory,
      sourcePath: source.prefix + row.name,
      destination: destination?.prefix,
      destinationName: row.destinationName,
      twin: row.twin ?? false,
    };
    return await act(context, lane, task, place);
  } catch (thrown) {
    return { detail: { index, is: "failed", error: entryError(Step.Read, thrown).error }, bytes: 0, lost: 0 };
  }
}

async function pinDestination(context: Context, directory: Directory): Promise<Pinned | undefined> {
  if (context.config.discard) return undefined;
  return await during(Step.Create, context.directories.pin(directory, Side.Destination));
}

async function act(context: Context, lane: Lane, task: EntryTask, place: Place): Promise<Outcome> {
  const { index } = task;
  switch (task.action) {
    case Action.Make:
    case Action.Replace:
      return await makeEntry(context, lane, task, place, task.action === Action.Replace);
    case Action.Metadata: {
      const facts = await during(Step.OpenSource, factsAt(place.sourcePath));
      // With its new time the old content would pass for up to date, at every later run.
      if (!isStill(task.row, facts)) throw ownError(Own.Changed, Step.OpenSource);
      const lost = await applyMetadataAt(context, destinationPath(place), facts);
      return await finish(context, place, facts, facts.nlink === 1, 0, lost);
    }
    case Action.Content: {
      const same = await sameContent(context, lane, place.sourcePath, destinationPath(place));
      return { detail: { index, is: same ? "same" : "different" }, bytes: 0, lost: 0 };
    }
    case Action.Probe:
      if (task.row.kind === Kind.Symlink) {
        await refuseItself(place, await during(Step.OpenSource, readlink(place.sourcePath)));
        return { bytes: 0, lost: 0 };
      }
      await (await openSource(place.sourcePath)).close();
      return { bytes: 0, lost: 0 };
    case Action.Forget:
      await forgetSource(context, task.row, place);
      context.countFile();
      return { bytes: 0, lost: 0 };
  }
}

function destinationPath(place: Place): string {
  return place.destination! + place.destinationName;
}

async function makeEntry(
  context: Context,
  lane: Lane,
  { row, index, takeLinked }: EntryTask,
  place: Place,
  replace: boolean,
): Promise<Outcome> {
  if (row.kind !== Kind.File) {
    const facts = await during(Step.OpenSource, factsAt(place.sourcePath));
    if (!takeLinked && facts.nlink > 1 && facts.kind !== Kind.Directory) return linked(index, facts);
    const lost = await copyOther(context, lane, place, facts, replace);
    return await finish(context, place, facts, !takeLinked, 0, lost);
  }
  const { is, facts, lost } = await copyFile(context, lane, place, replace, takeLinked);
  if (is === "large") return { detail: { index, is, size: facts.size, allocated: facts.allocated }, bytes: 0, lost };
  if (is === "linked") return linked(index, facts);
  return await finish(context, place, facts, !takeLinked, facts.size, lost);
}

function linked(index: number, facts: Facts): Outcome {
  return { detail: { index, is: "linked", inode: facts.inode }, bytes: 0, lost: 0 };
}

/** The copy has settled. `alone`: false keeps a move's source, so that its other names are still seen to be linked. */
async function finish(
  context: Context,
  place: Place,
  facts: Facts,
  alone: boolean,
  bytes: number,
  lost: number,
): Promise<Outcome> {
  if (context.config.move && alone) {
    const copy = place.destination === undefined ? undefined : destinationPath(place);
    await removeSource(context, place.directory, place.sourcePath, facts, copy);
  }
  context.countFile(facts.kind === Kind.File ? facts.size : undefined);
  return { bytes, lost };
}

/**
 * Raises EntryError where the symlink would take the place of what it leads to, or of a directory that holds it; seen from where it is
 * or from there.
 */
async function refuseItself({ sourcePath, destination, destinationName }: Place, target: string): Promise<void> {
  const there = await factsIfAny(destination! + destinationName);
  if (there === undefined || there.kind === Kind.Symlink) return;
  for (const path of [sourcePath, isAbsolute(target) ? target : destination! + target]) {
    let at = await realpath(path).catch(() => undefined);
    for (; at !== undefined; at = dirname(at) === at ? undefined : dirname(at)) {
      if ((await factsIfAny(at))?.inode === there.inode) throw ownError(Own.Itself, Step.Symlink);
    }
  }
}

/** A symlink; there is no call that makes other kinds. */
async function copyOther(
  context: Context,
  lane: Lane,
  place: Place,
  facts: Facts,
  replace: boolean,
): Promise<number> {
  if (facts.kind === Kind.File || facts.kind === Kind.Directory) throw ownError(Own.Changed, Step.OpenSource);
  if (place.destination === undefined) return 0;
  if (facts.kind !== Kind.Symlink) throw specialFileError();
  const target = await during(Step.OpenSource, readlink(place.sourcePath));
  let path = destinationPath(place);
  if (replace) await refuseItself(place, target);
  const temporary = replace || !await makeSymlink(target, path);
  if (temporary) {
    if (!replace) await refuseFolded(place.destination, place.destinationName, place.twin, Step.Symlink);
    path = place.destination + context.tempName();
    await during(Step.Symlink, symlink(target, path));
  }
  try {
    const lost = await applyMetadataAt(context, path, facts);
    if (temporary) {
      await replaceEntry(context, lane, place.directory, place.destination, path, place.destinationName);
    }
    return lost;
  } catch (thrown) {
    await removeRest(path);
    throw thrown;
  }
}

/** False where something stands there. */
async function makeSymlink(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw entryError(Step.Symlink, thrown);
  }
}

/** Whether the source's entry is what the listing saw, as far as it looked. */
function isStill({ facts: listed }: Row, now: Facts): boolean {
  return !listed || (listed.kind === now.kind && listed.size === now.size && listed.mtimeMs === now.mtimeMs);
}

/** The same with its mode and owner. */
function isSame(row: Row, now: Facts): boolean {
  const { facts: listed } = row;
  return isStill(row, now) &&
    (!listed || (listed.mode === now.mode && listed.uid === now.uid && listed.gid === now.gid));
}

/** Both sides are equal, which is looked at once more. */
async function forgetSource(context: Context, row: Row, place: Place): Promise<void> {
  const source = await during(Step.RemoveSource, factsAt(place.sourcePath));
  const there = await factsIfAny(destinationPath(place));
  if (there === undefined) throw ownError(Own.Gone, Step.RemoveSource);
  const same = source.size === there.size && source.kind === there.kind && !mtimeDiffers(context, source, there);
  if (!same || !isSame(row, source)) throw ownError(Own.Changed, Step.RemoveSource);
  // It is the copy itself, by another way.
  if (source.inode === there.inode && source.nlink === 1) throw ownError(Own.Folded, Step.RemoveSource);
  await removeSource(context, place.directory, place.sourcePath, source, destinationPath(place));
}
