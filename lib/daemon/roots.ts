/**
 * The directories that a job of a client writes to, resolved beneath their module once and held by descriptor: nothing that is swapped
 * in later leads anywhere else. What is missing is made, unless the job changes nothing.
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { BlitError } from "../base/errors.ts";
import { refuseBackup } from "../endpoint/backup_place.ts";
import type { Job } from "../model/job.ts";
import { openingMs } from "../native/aside.ts";
import { makeBeneath, openBeneath } from "../native/beneath.ts";
import { closeDescriptor } from "../native/descriptors.ts";
import type { Open } from "../wire/gen/blit/v1/transfer_pb.ts";
import { joinPath, type Place } from "./place.ts";
import { checkPath } from "./remote_path.ts";
import { asStatus } from "./status.ts";

export interface Roots extends Disposable {
  /** Paths that can be opened until this is disposed of. Undefined where nothing stands and the job changes nothing. */
  readonly destinationRoot?: string;
  /** Where the destination is by name. */
  readonly destinationPath: string;
  readonly backupRoot?: string;
  /** The destination was not there before. */
  readonly fresh: boolean;
}

/** Raises ConnectError. */
export async function openRoots(place: Place, job: Job, open: Open): Promise<Roots> {
  const readOnly = job.dryRun || job.verb === "check";
  const backupPath = open.job?.backupDirectory === undefined ? undefined : checkPath(open.job.backupDirectory);
  const destination = await openRoot(place, place.path, readOnly, job);
  try {
    const backup = backupPath === undefined ? undefined : await openRoot(place, backupPath, readOnly, job);
    refuseOverlap(pathOf(destination.descriptor), pathOf(backup?.descriptor), open);
    const descriptors = [destination.descriptor, backup?.descriptor].filter((one) => one !== undefined);
    return {
      destinationRoot: pathOf(destination.descriptor),
      destinationPath: joinPath(place.root, place.path),
      backupRoot: pathOf(backup?.descriptor),
      fresh: destination.fresh,
      [Symbol.dispose]: () => descriptors.splice(0).forEach(closeDescriptor),
    };
  } catch (error) {
    if (destination.descriptor !== undefined) closeDescriptor(destination.descriptor);
    throw error;
  }
}

/** A mount may show one directory at two places of the module. */
function refuseOverlap(destinationRoot: string | undefined, backup: string | undefined, { entry }: Open): void {
  if (destinationRoot === undefined || backup === undefined) return;
  try {
    refuseBackup(backup, { destinationRoot, single: entry !== undefined });
  } catch (error) {
    throw new ConnectError(BlitError.from(error).message, Code.InvalidArgument);
  }
}

async function openRoot(
  place: Place,
  path: string,
  readOnly: boolean,
  { fsync, stallTimeoutMs }: Job,
): Promise<{ descriptor: number | undefined; fresh: boolean }> {
  const ms = openingMs(stallTimeoutMs);
  try {
    if (readOnly) {
      const descriptor = await openBeneath(place.root, path, ms);
      return { descriptor, fresh: descriptor === undefined };
    }
    const { descriptor, made } = await makeBeneath(place.root, path, fsync, ms);
    return { descriptor, fresh: made > 0 };
  } catch (error) {
    const shown = path === place.path ? place.shown() : joinPath(place.shown(), path);
    throw asStatus(readOnly ? "open" : "create", shown, error);
  }
}

function pathOf(descriptor: number | undefined): string | undefined {
  return descriptor === undefined ? undefined : `/proc/self/fd/${descriptor}`;
}
