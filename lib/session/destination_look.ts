/**
 * What the destination's role has to know of its file system before it begins. All of it is asked on other threads: a mount that does not
 * answer must not hold up a daemon.
 */

import { directoryName } from "../base/path_parts.ts";
import type { Job } from "../model/job.ts";
import { openingMs } from "../native/aside.ts";
import type { FreeRoom, Inode } from "../native/paths.ts";
import { freeRoomAside, inodeAside, realPathAside } from "../native/paths_aside.ts";
import { machineId } from "../tune/machine.ts";
import type { RemoteEngineOptions } from "./remote_engine.ts";

/** Where it is, as in RemotePlacement. */
interface DestinationPlace {
  readonly destinationRoot?: string;
  readonly destinationPath?: string;
  readonly backupRoot?: string;
  readonly entry?: { readonly destination: string };
}

export interface DestinationLook {
  /** The root without symlinks, or of its directories the closest that is there. */
  readonly closest: string;
  /** The root without symlinks, as it is or as it would be. */
  readonly path: string;
  readonly free: FreeRoom | undefined;
  /** Where the root is there. */
  readonly root: RemoteEngineOptions["root"];
  /** Asks again. Does not raise. */
  freeNow(): Promise<FreeRoom | undefined>;
}

/** Raises BlitError (failed) where there is no answer in time. */
export async function lookAtDestination(job: Job, placement: DestinationPlace): Promise<DestinationLook> {
  const ms = openingMs(job.stallTimeoutMs);
  const { destinationRoot, backupRoot, entry } = placement;
  const byName = placement.destinationPath ?? destinationRoot ?? ".";
  const inodeOf = async (path: string | undefined, follow = true) =>
    path === undefined ? undefined : await inodeAside({ path, ms }, follow);
  const [{ closest, path }, root, backup, single] = await Promise.all([
    realPathToBe(destinationRoot ?? byName, ms),
    inodeOf(destinationRoot),
    inodeOf(backupRoot),
    inodeOf(destinationRoot && entry && `${destinationRoot}/${entry.destination}`, false),
  ]);
  const place = { path: closest, ms };
  return {
    closest,
    path,
    free: await freeRoomAside(place),
    root: root && { machine: machineId(), ...inWire(root)!, backup: inWire(backup), entry: inWire(single) },
    freeNow: () => freeRoomAside(place).catch(() => undefined),
  };
}

function inWire(inode: Inode | undefined): { device: bigint; inode: bigint } | undefined {
  return inode && { device: BigInt(inode.dev), inode: BigInt(inode.ino) };
}

async function realPathToBe(path: string, ms: number): Promise<{ closest: string; path: string }> {
  const found = await realPathAside({ path, ms });
  const above = directoryName(path);
  if (found !== undefined || above === path) return { closest: found ?? path, path: found ?? path };
  const { closest, path: there } = await realPathToBe(above, ms);
  return { closest, path: `${there.replace(/\/$/, "")}/${path.replace(/\/+$/, "").replace(/^.*\//s, "")}` };
}
