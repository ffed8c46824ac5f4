/**
 * What is known about the file system below a path and the disk below that: kind, network or not, and from sysfs whether it
 * turns, how many requests it takes and in what stripes it writes.
 */

import { directoryName } from "../base/path_parts.ts";
import type { FileSystemProfile } from "../model/run_record.ts";
import { mountOf, parseMounts } from "./mounts.ts";
import { readNumber, type SystemFiles, systemFiles } from "./system_files.ts";

/** A profile, and what else decides about workers and buffers but is not worth remembering. */
export interface FileSystemFacts {
  readonly profile: FileSystemProfile;
  /** Requests the disk takes at once. */
  readonly queueDepth?: number;
  /** Bytes of a whole stripe over the data disks of a RAID; writes of that size need no reading back. */
  readonly stripeBytes?: number;
  /** Disks that work side by side; 1 without RAID. */
  readonly disks: number;
}

const networkKinds =
  /^(?:nfs4?|cifs|smb3?|smbfs|ceph|9p|afs|glusterfs|lustre|beegfs|gpfs|ncpfs|davfs|webdav)$|^fuse\.(?:sshfs|s3fs|rclone|glusterfs|ceph-fuse|davfs2?)$/;

const unknown: FileSystemFacts = { profile: { kind: "unknown", network: false }, disks: 1 };

/** Where the path leads, or, where nothing stands yet, its closest directory. */
export function closestRealPath(path: string, files: SystemFiles = systemFiles): string {
  const found = files.realPath(path);
  if (found !== undefined || path === "/" || path === ".") return found ?? path;
  return closestRealPath(directoryName(path), files);
}

/** `path`: absolute, no symlinks, need not exist. */
export function fileSystemFacts(path: string, files: SystemFiles = systemFiles): FileSystemFacts {
  const mount = mountOf(parseMounts(files.read("/proc/self/mountinfo") ?? ""), path);
  if (mount === undefined) return unknown;
  const network = networkKinds.test(mount.kind);
  const disk = network ? undefined : diskOf(files, mount.device, mount.source);
  if (disk === undefined) return { profile: { kind: mount.kind, network }, disks: 1 };
  const device = disk.slice(disk.lastIndexOf("/") + 1);
  return {
    profile: {
      kind: mount.kind,
      network,
      rotational: rotates(files, disk, device),
      device,
    },
    queueDepth: readNumber(files, `${disk}/device/queue_depth`) ?? readNumber(files, `${disk}/queue/nr_requests`),
    ...stripes(files, disk),
  };
}

/** A virtual disk says that it turns when nobody told it otherwise. */
const virtualDisk = /^(?:x?vd[a-z]+|loop\d+|nbd\d+|rbd\d+)$/;

function rotates(files: SystemFiles, disk: string, device: string): boolean | undefined {
  const told = readNumber(files, `${disk}/queue/rotational`);
  return told === undefined || (told === 1 && virtualDisk.test(device)) ? undefined : told === 1;
}

/** The disk's folder in sysfs: of the partition's disk, not of the partition. */
function diskOf(files: SystemFiles, device: string, source: string): string | undefined {
  // btrfs and others have a number of their own; the source then names one of the disks.
  const named = source.startsWith("/dev/")
    ? files.realPath(source)?.replace(/^\/dev\//, "/sys/class/block/")
    : undefined;
  const found = files.realPath(`/sys/dev/block/${device}`) ?? (named && files.realPath(named));
  if (found === undefined) return undefined;
  return files.read(`${found}/partition`) === undefined ? found : found.slice(0, found.lastIndexOf("/"));
}

/** Parity disks by RAID level; a mirror's disks all write the same. */
const parityDisks: Readonly<Record<string, number>> = { raid4: 1, raid5: 1, raid6: 2 };

function stripes(files: SystemFiles, disk: string): Pick<FileSystemFacts, "disks" | "stripeBytes"> {
  const members = readNumber(files, `${disk}/md/raid_disks`) ?? 0;
  const chunk = readNumber(files, `${disk}/md/chunk_size`) ?? 0;
  if (members > 0) {
    const level = files.read(`${disk}/md/level`) ?? "";
    const data = level === "raid10" ? members / 2 : level === "raid1" ? 1 : members - (parityDisks[level] ?? 0);
    const disks = Math.max(1, Math.floor(data));
    return { disks, stripeBytes: chunk > 0 ? chunk * disks : undefined };
  }
  // A hardware RAID tells its chunk and stripe as the smallest and the best size of a request.
  const smallest = readNumber(files, `${disk}/queue/minimum_io_size`) ?? 0;
  const best = readNumber(files, `${disk}/queue/optimal_io_size`) ?? 0;
  const striped = smallest > 4096 && best > smallest && best % smallest === 0;
  return striped ? { disks: best / smallest, stripeBytes: best } : { disks: 1 };
}
