/**
 * Where a source stands, for the case that the destination is on the same machine: nothing may be copied onto itself, or into itself, or
 * delete itself.
 */

import { BlitError } from "../base/errors.ts";
import { pathFromBytes, printablePath } from "../base/path_bytes.ts";
import { numbersTell } from "../endpoint/folded_path.ts";
import { Kind } from "../model/entry.ts";
import type { Job } from "../model/job.ts";
import { type Inode, pathFacts, sameInode } from "../native/paths.ts";
import { inodesUpFromAside } from "../native/paths_aside.ts";
import { closestRealPath, fileSystemFacts } from "../tune/file_system.ts";
import type { BackupPlace, EntryPlace, RootPlace } from "../wire/gen/blit/v1/source_pb.ts";
import { problemOfName } from "../wire/names.ts";
import { nonsense } from "./held.ts";

/** Numbers of a directory, as they come over the network. */
export interface Ground {
  readonly device: bigint;
  readonly inode: bigint;
}

interface SourcePlace {
  /** A directory that can be opened, now. */
  readonly root: string;
  /** The same by its name, if that is another path. */
  readonly path?: string;
  readonly job: Job;
}

export class SourceGround {
  readonly #job: Job;
  readonly #path: string;
  /** The root and the directories above it: its path need not be good for longer than it takes to open it. */
  readonly #upwards: readonly Inode[];

  private constructor({ root, path = root, job }: SourcePlace, upwards: readonly Inode[]) {
    this.#job = job;
    this.#path = path;
    this.#upwards = upwards;
  }

  /** Raises BlitError (failed) where the file system does not answer within `ms`. */
  static async open(place: SourcePlace, ms: number): Promise<SourceGround> {
    return new SourceGround(place, await inodesUpFromAside({ path: place.root, ms }));
  }

  /** Raises BlitError (usage). `entry`: the only one, without it the whole root. Returns the directories that are not to be entered. */
  keepApart({ device, inode, name, backup, entry: standing }: RootPlace, entry: string | undefined): Ground[] {
    const { verb } = this.#job;
    const nameThere = name === undefined ? undefined : plainName(name);
    const there = inodeOf({ device, inode });
    const level = this.#levelOf(there);
    const same = level === 0;
    if (same && (entry === undefined || entry === (nameThere ?? entry))) {
      throw new BlitError("usage", `Cannot ${verb} a ${entry ? "file" : "directory"} onto itself`);
    }
    if (entry !== undefined && standing !== undefined) this.#refuseTarget(entry, standing);
    if (verb === "mirror" && entry === undefined && level > 0) {
      throw new BlitError("usage", "Cannot mirror: the source is inside the destination and would be deleted");
    }
    if (level < 0) this.#refuseUntold(there);
    if (backup) this.#keepBackupOut(backup, entry !== undefined);
    return [...(same ? [] : [{ device, inode }]), ...(backup ? [backup] : [])];
  }

  /** How far above the root it is; -1 where it is not. */
  #levelOf(there: Inode): number {
    return this.#upwards.findIndex((directory) => sameInode(directory, there));
  }

  /** Where inode numbers depend on how names are spelled, one directory looks like two: what is there already would be removed. */
  #refuseUntold(there: Inode): void {
    const { verb } = this.#job;
    if (verb === "check" || this.#upwards[0]?.dev !== there.dev) return;
    if (numbersTell(this.#path) ?? !this.#isFuse()) return;
    throw new BlitError(
      "usage",
      `Cannot ${verb} by way of a daemon: the file system does not tell whether both places are one`,
      "Leave the daemon out: give both paths without a host.",
    );
  }

  #isFuse(): boolean {
    return fileSystemFacts(closestRealPath(this.#path)).profile.kind.startsWith("fuse");
  }

  /** A symlink in the place of what it leads to would lead to itself. */
  #refuseTarget(name: string, standing: EntryPlace): void {
    const path = `${this.#path}/${name}`;
    if (pathFacts(path, false)?.kind !== Kind.Symlink) return;
    const target = pathFacts(path, true);
    if (target && sameInode(target, inodeOf(standing))) {
      throw new BlitError("usage", `Cannot ${this.#job.verb} "${printablePath(name)}" onto what it leads to`);
    }
  }

  #keepBackupOut(backup: BackupPlace, single: boolean): void {
    const level = this.#levelOf(inodeOf(backup));
    if (level === 0 || (level > 0 && !single)) {
      const where = level === 0 ? "is" : "is above";
      throw new BlitError("usage", `Cannot ${this.#job.verb}: the backup directory ${where} the source`);
    }
    if (level < 0) this.#refuseUntold(inodeOf(backup));
  }
}

function inodeOf({ device, inode }: Ground): Inode {
  return { dev: Number(device), ino: Number(inode) };
}

/** A name that came over the network. Raises BlitError for what is none. */
export function plainName(bytes: Uint8Array): string {
  if (problemOfName(bytes) !== undefined) throw nonsense("a name that is none");
  return pathFromBytes(bytes);
}
