/**
 * Whether what a run is to write fits into its destination, judged while the scan still runs.
 *
 * What is summed up here is the least that is needed. Sizes become known one by one, those of new small files only when they are
 * copied; of a file counts what it takes on the source's medium, so holes do not; a file that is replaced counts nothing, since what
 * it takes it gives back (unless it is the only one: it is written beside the old one); the further names of an inode count nothing.
 * Nothing is judged where less may be taken than is written: where extents are shared, where a file system compresses, and where an
 * earlier run may have left a part of a file.
 */

import { BlitError } from "../base/errors.ts";
import { formatBytes, formatCount } from "../base/units.ts";
import type { Job } from "../model/job.ts";
import { nearestExisting } from "../endpoint/place.ts";
import type { Counters, Engine } from "../native/engine.ts";
import { type FreeRoom, freeRoom } from "../native/paths.ts";

/** They store bytes as they come. A network, btrfs and zfs are not among them. */
const plainKinds = /^(?:ext[234]|xfs|tmpfs|vfat|exfat|ntfs3?|fuseblk|jfs|hfsplus|udf|overlay)$/;
/** Of these, they share no extents between files. */
const apartKinds = /^(?:ext[234]|tmpfs|vfat|exfat|fuseblk|jfs|udf)$/;

/** Whether a run is judged. `kind`: of the destination's file system; `beside`: the source is on the same one. */
export function judgesRoom(job: Job, kind: string, beside: boolean): boolean {
  if (job.forceSpace || job.discard || job.verb === "check" || job.network?.resume) return false;
  return plainKinds.test(kind) && (!beside || (job.verb !== "move" && apartKinds.test(kind)));
}

export class Room {
  #bytes = 0;
  #entries = 0;
  #limit: FreeRoom;
  #shortage: BlitError | undefined;

  private constructor(
    private readonly look: () => FreeRoom | undefined,
    private readonly progress: () => Pick<Counters, "bytesMoved" | "files">,
    limit: FreeRoom,
  ) {
    this.#limit = limit;
  }

  /** `look` says what is free now, `progress` what this run has written; undefined where the destination does not tell. */
  static of(
    look: () => FreeRoom | undefined,
    progress: () => Pick<Counters, "bytesMoved" | "files">,
  ): Room | undefined {
    const free = look();
    return free && new Room(look, progress, free);
  }

  /** Of the directory, or of where it is to be made. */
  static at(destination: string, engine: Pick<Engine, "progress">): Room | undefined {
    return Room.of(() => freeRoom(nearestExisting(destination)), () => engine.progress());
  }

  /**
   * Of a destination that may not answer: what is free at first is known, and is asked for again meanwhile. Where nothing is written
   * that does.
   */
  static asking(
    first: FreeRoom | undefined,
    ask: () => Promise<FreeRoom | undefined>,
    engine: Pick<Engine, "progress">,
    readOnly: boolean,
  ): Room | undefined {
    let known = first;
    let movedThen = 0;
    let asking = false;
    const look = () => {
      const moved = engine.progress().bytesMoved;
      const now = known && { ...known, bytes: known.bytes - (moved - movedThen) };
      if (readOnly) return now;
      known = undefined;
      if (now === undefined && !asking) {
        asking = true;
        void ask().then((free) => [known, movedThen, asking] = [free, moved, false]);
      }
      return now;
    };
    return Room.of(look, () => engine.progress());
  }

  /** So much more is to be written, and so many files and directories to be made. */
  expect(bytes: number, entries: number): void {
    this.#bytes += bytes;
    this.#entries += entries;
  }

  /** Set once it cannot fit; then for good. */
  get shortage(): BlitError | undefined {
    if (this.#shortage || this.#fits()) return this.#shortage;
    // Others may have made room since the run began.
    const now = this.look();
    if (!now) return undefined;
    const { bytesMoved, files } = this.progress();
    this.#limit = { bytes: now.bytes + bytesMoved, inodes: now.inodes === undefined ? undefined : now.inodes + files };
    return this.#fits() ? undefined : this.#shortage = this.#verdict(now);
  }

  #fits(): boolean {
    return this.#bytes <= this.#limit.bytes && this.#entries <= (this.#limit.inodes ?? Infinity);
  }

  #verdict(now: FreeRoom): BlitError {
    const bytes = this.#bytes > this.#limit.bytes;
    const needed = bytes ? formatBytes(this.#bytes) : `room for ${formatCount(this.#entries)} files and directories`;
    const free = bytes ? formatBytes(now.bytes) : formatCount(now.inodes ?? 0);
    return new BlitError(
      "failed",
      `Cannot fit: at least ${needed} needed, ${free} free at the destination; --force-space tries all the same`,
    );
  }
}
