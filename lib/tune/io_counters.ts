/** What disks and network interfaces have done so far, from /proc/diskstats and /proc/net/dev, and what that means per second. */

import { type SystemFiles, systemFiles } from "./system_files.ts";

/** Since the machine started; `inFlight` is now. */
export interface DiskCounters {
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly requestsDone: number;
  readonly inFlight: number;
}

export interface InterfaceCounters {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** The kernel counts sectors of 512 bytes, whatever the disk's own are. */
const SECTOR = 512;

/** Undefined where the disk is not listed. `device`: the kernel's name, as in FileSystemProfile. */
export function diskCounters(device: string, files: SystemFiles = systemFiles): DiskCounters | undefined {
  for (const line of files.read("/proc/diskstats")?.split("\n") ?? []) {
    const fields = line.trim().split(/\s+/);
    if (fields[2] !== device) continue;
    const [reads, , readSectors, , writes, , writtenSectors, , inFlight] = fields.slice(3).map(Number);
    return {
      readBytes: readSectors * SECTOR,
      writtenBytes: writtenSectors * SECTOR,
      requestsDone: reads + writes,
      inFlight,
    };
  }
  return undefined;
}

/** By the interface's name, the loopback included. */
export function interfaceCounters(files: SystemFiles = systemFiles): ReadonlyMap<string, InterfaceCounters> {
  const found = new Map<string, InterfaceCounters>();
  for (const line of files.read("/proc/net/dev")?.split("\n") ?? []) {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (match === null) continue;
    const fields = match[2].split(/\s+/).map(Number);
    found.set(match[1], { receivedBytes: fields[0], sentBytes: fields[8] });
  }
  return found;
}

/** Growth per second. A counter that shrank has started anew (the device was unplugged) and counts as still. */
export function perSecond(before: number, after: number, elapsedMs: number): number {
  return elapsedMs > 0 ? Math.max(0, after - before) * 1000 / elapsedMs : 0;
}

/** Why nothing moves, as far as the disk tells: it was asked and answered nothing. Undefined where it is not to blame. */
export function diskStallCause(device: string, before: DiskCounters, after: DiskCounters): string | undefined {
  if (after.inFlight === 0 || after.requestsDone !== before.requestsDone) return undefined;
  return `${device} has ${
    after.inFlight === 1 ? "1 request" : `${after.inFlight} requests`
  } in flight and answers none`;
}
