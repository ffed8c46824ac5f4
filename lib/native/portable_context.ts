/**
 * What the parts of the portable engine share for one run: who we are, what the destination can keep, the counters, the
 * bandwidth limit and whether it is time to stop.
 */

import { statfsSync } from "node:fs";
import process from "node:process";
import type { Method } from "../model/event.ts";
import { sizeClass, sizeClasses } from "../model/run_record.ts";
import type { EngineConfig } from "./engine.ts";
import { type Directory, DirectoryTable } from "./portable_dirs.ts";
import { Own, ownError, Step } from "./portable_error.ts";
import { tempNameOf } from "./temp_name.ts";

interface BackupCopy {
  readonly directory: Directory;
  readonly as: string;
}

/** Longest sleep before looking whether to stop. */
const NAP_MS = 50;

export class Context {
  /** Owners are to be kept. */
  readonly root: boolean;
  /** And entries may be given away; false from the first time on that the destination refuses it. */
  givesAway: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly groups: ReadonlySet<number>;
  /** Modes and owners mean something. */
  readonly posix = Deno.build.os !== "windows";
  /** Of the destination's modification times. */
  readonly granularityMs: number;
  /** The destination tells some failed writes only when they are flushed. */
  readonly writesLate: boolean;
  readonly directories: DirectoryTable;
  readonly bytesByMethod: Record<Method, number> = {
    reflink: 0,
    copy_file_range: 0,
    read_write: 0,
    hole: 0,
    discarded: 0,
    network: 0,
    sendfile: 0,
    resumed: 0,
  };
  bytesMoved = 0;
  files = 0;
  /** Regular files done, by size. */
  readonly sizes: number[] = new Array(sizeClasses).fill(0);
  /** Grows while something waits for the bandwidth limit. */
  pauses = 0;
  stopped = false;
  /** Copies in the backup tree of files with several names that have not all come yet. */
  readonly backupCopies = new Map<string, { readonly work: Promise<BackupCopy>; left: number }>();
  #nextByteMs = 0;
  #tempNumber = crypto.getRandomValues(new Uint32Array(1))[0];

  /** Raises BlitError (failed) when a root cannot be opened. */
  constructor(readonly config: EngineConfig, anchored: boolean) {
    this.directories = new DirectoryTable([config.source, config.destination, config.backup], anchored);
    this.uid = process.geteuid?.() ?? -1;
    this.gid = process.getegid?.() ?? -1;
    this.groups = new Set([this.gid, ...process.getgroups?.() ?? []]);
    this.root = this.uid === 0;
    this.givesAway = this.root && mayChown();
    const fileSystem = config.destination === undefined ? undefined : fileSystemType(config.destination);
    this.granularityMs = granularityMs(fileSystem, config.destination);
    this.writesLate = networkTypes.has(fileSystem ?? 0);
  }

  /** A path that leads to an open file, or the given one where that is not possible. */
  through(descriptor: number, path: string): string {
    return this.directories.anchored ? `/proc/self/fd/${descriptor}` : path;
  }

  /** A file is in its place; of a regular one its bytes. */
  countFile(size?: number): void {
    this.files++;
    if (size !== undefined) this.sizes[sizeClass(size)]++;
  }

  count(method: Method, bytes: number): void {
    this.bytesByMethod[method] += bytes;
    this.bytesMoved += bytes;
  }

  /** Largest piece to move at once: a slow limit shall not come in bursts. */
  pieceBytes(most: number): number {
    const rate = this.config.bytesPerSecond;
    return rate > 0 ? Math.min(most, Math.max(4096, Math.floor(rate / 16))) : most;
  }

  /** Waits as the bandwidth limit demands before moving `bytes`. Raises EntryError when the engine is stopped. */
  async pace(bytes: number): Promise<void> {
    const rate = this.config.bytesPerSecond;
    if (rate > 0 && bytes > 0) {
      const until = this.#nextByteMs = Math.max(this.#nextByteMs, performance.now()) + bytes * 1000 / rate;
      for (let left; !this.stopped && (left = until - performance.now()) > 0;) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(left!, NAP_MS)));
        this.pauses++;
      }
    }
    this.goOn(Step.Read);
  }

  /** Raises EntryError when the engine is stopped. */
  goOn(step: Step): void {
    if (this.stopped) throw ownError(Own.Stopped, step);
  }

  tempName(): string {
    this.#tempNumber = (this.#tempNumber + 1) >>> 0;
    return tempNameOf(Deno.pid, this.#tempNumber);
  }
}

/** Of root: CAP_CHOWN is bit 0 of the effective capabilities. */
function mayChown(): boolean {
  if (Deno.build.os !== "linux") return true;
  try {
    const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
    return effective === undefined || (BigInt(`0x${effective}`) & 1n) === 1n;
  } catch {
    return true;
  }
}

/** f_type of statfs on Linux. */
const FAT = 0x4d44;
const EXFAT = 0x2011bab0;
const HFS_PLUS = 0x482b;
const EXT4 = 0xef53;
/** NFS, CIFS, SMB2. */
const networkTypes: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0xfe534d42]);

function fileSystemType(path: string): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return Number(statfsSync(path).type);
  } catch {
    return undefined;
  }
}

/** Deno itself reads and sets milliseconds; some file systems keep less. */
function granularityMs(type: number | undefined, path: string | undefined): number {
  switch (type) {
    case FAT: // even seconds
      return 2000;
    case EXFAT:
      return 10;
    case HFS_PLUS:
      return 1000;
    case EXT4: // 128-byte inodes have no birth time and no fractions of seconds
      return Deno.statSync(path!).birthtime === null ? 1000 : 1;
    default:
      return 1;
  }
}
