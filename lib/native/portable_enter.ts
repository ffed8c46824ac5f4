/** Getting into the directories that are to be listed; making them where they are missing. */

import { chmod, mkdir } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import type { ListRequest } from "./engine.ts";
import type { Context } from "./portable_context.ts";
import { type Directory, onOneDevice, type Pinned, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, Step } from "./portable_error.ts";
import { factsAt, factsIfAny } from "./portable_facts.ts";
import { refuseFolded } from "./portable_fold.ts";
import { chmodAt } from "./portable_meta.ts";

export async function openSource(context: Context, request: ListRequest, directory: Directory): Promise<Pinned> {
  const { directories } = context;
  const source = await during(Step.ListSource, directories.pin(directory, Side.Source));
  try {
    if (request.more) return source;
    const facts = directory.source = await during(Step.ListSource, factsAt(`${source.prefix}.`));
    directory.leftOut = context.config.oneFileSystem === true && !directories.isBesideRoot(facts.inode, Side.Source);
    // Copying into itself would never end.
    if (directory.parent && !directory.leftOut && directories.isRoot(facts.inode, Side.Destination)) {
      throw ownError(Own.Inside, Step.ListSource);
    }
    if (directories.isRoot(facts.inode, Side.Backup)) throw ownError(Own.Backup, Step.ListSource);
    return source;
  } catch (thrown) {
    source[Symbol.dispose]();
    throw thrown;
  }
}

/** Undefined where the request is not about the destination. */
export async function openDestination(
  context: Context,
  request: ListRequest,
  directory: Directory,
): Promise<Pinned | undefined> {
  if (!request.onDestination && !request.make) return undefined;
  if (request.make && !request.more) {
    await during(Step.MakeDirectory, makeDirectory(context, directory));
  }
  const destination = await during(Step.ListDestination, pinDestination(context, directory));
  if (request.more) return destination;
  try {
    await during(Step.ListDestination, prepare(context, request, directory, destination));
    return destination;
  } catch (thrown) {
    destination[Symbol.dispose]();
    throw thrown;
  }
}

async function makeDirectory(context: Context, directory: Directory): Promise<void> {
  const { directories } = context;
  if (directory.broken) throw directory.broken;
  using above = await directories.pin(directory.parent!, Side.Destination);
  const path = above.prefix + directory.name;
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
    await refuseFolded(above.prefix, directory.name, directory.twin, Step.MakeDirectory);
  }
}

async function pinDestination(context: Context, directory: Directory): Promise<Pinned> {
  const { directories, config } = context;
  try {
    return await directories.pin(directory, Side.Destination);
  } catch (thrown) {
    if (codeOf(thrown) !== "EACCES" || context.root || config.readOnly || !directory.parent) throw thrown;
    // Perhaps ours, but not readable by us: widened for the time of the run, its settle puts the mode right.
    using above = await directories.pin(directory.parent, Side.Destination);
    const facts = await factsIfAny(above.prefix + directory.name);
    if (!facts || facts.kind !== Kind.Directory || facts.uid !== context.uid) throw thrown;
    await chmodAt(context, above.prefix + directory.name, facts.mode | 0o700);
    return await directories.pin(directory, Side.Destination);
  }
}

async function prepare(
  context: Context,
  request: ListRequest,
  directory: Directory,
  destination: Pinned,
): Promise<void> {
  const path = `${destination.prefix}.`;
  const { inode, mode, uid } = directory.found = await factsAt(path);
  // An extra directory that is the source is not to be emptied, and the backup tree neither to be emptied nor to be filled.
  if (!request.onSource && context.directories.isRoot(inode, Side.Source)) {
    throw ownError(Own.Inside, Step.ListDestination);
  }
  if (context.directories.isRoot(inode, Side.Backup)) throw ownError(Own.Backup, Step.ListDestination);
  const { oneFileSystem, keepMounts } = context.config;
  directory.keeps = oneFileSystem === true && !context.directories.isBesideRoot(inode, Side.Destination);
  // Its own device is all that can be seen of what is mounted at a directory.
  const above = directory.parent?.found?.inode;
  const mounted = keepMounts === true && above !== undefined && !onOneDevice(inode, above);
  if ((directory.keeps || mounted) && !request.onSource) {
    throw ownError(Own.MountPoint, Step.ListDestination);
  }
  const narrow = context.posix && !context.root && uid === context.uid && (mode & 0o700) !== 0o700;
  if (!narrow || context.config.readOnly) return;
  await chmod(path, mode | 0o700).catch((thrown) => {
    if (codeOf(thrown) !== "EPERM") throw entryError(Step.Mode, thrown);
  });
}
