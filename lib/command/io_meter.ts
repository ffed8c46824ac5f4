/** Reads the counters of the job's disks and of the network interfaces, for --stats. */

import type { Job } from "../model/job.ts";
import type { DiskRates, InterfaceRates, IoMeter, IoRates } from "../report/stats_block.ts";
import { closestRealPath, fileSystemFacts } from "../tune/file_system.ts";
import {
  type DiskCounters,
  diskCounters,
  type InterfaceCounters,
  interfaceCounters,
  perSecond,
} from "../tune/io_counters.ts";
import { type SystemFiles, systemFiles } from "../tune/system_files.ts";

/** What the job reads and writes. */
type Places = Pick<Job, "sources" | "destination">;

interface Sample {
  readonly atMs: number;
  readonly disks: ReadonlyMap<string, DiskCounters>;
  readonly interfaces: ReadonlyMap<string, InterfaceCounters>;
}

/** Bytes per second; what an idle machine says to its neighbours is no news. */
const noteworthy = 10_000;
/** The busiest ones; a machine with containers has dozens. */
const interfacesMax = 2;

/** `nowMs`: milliseconds that grow steadily. */
export function ioMeter(job: Places, nowMs: () => number, files: SystemFiles = systemFiles): IoMeter {
  const devices = devicesOf(job, files);
  const look = (): Sample => ({
    atMs: nowMs(),
    disks: new Map(devices.flatMap((device) => {
      const counters = diskCounters(device, files);
      return counters === undefined ? [] : [[device, counters] as const];
    })),
    interfaces: interfaceCounters(files),
  });
  let first = look();
  let last = first;
  return {
    begin: () => first = last = look(),
    latest() {
      const before = last;
      last = look();
      return ratesBetween(before, last);
    },
    average: () => ratesBetween(first, look()),
  };
}

/** The disks below sources and destination, each once. */
function devicesOf({ sources, destination }: Places, files: SystemFiles): string[] {
  const paths = destination === undefined ? sources : [...sources, destination];
  const devices = paths.map((path) => fileSystemFacts(closestRealPath(path, files), files).profile.device);
  return [...new Set(devices)].filter((device) => device !== undefined);
}

function ratesBetween(before: Sample, after: Sample): IoRates {
  const elapsedMs = after.atMs - before.atMs;
  const interfaces = [...after.interfaces].flatMap(([name, now]): InterfaceRates[] => {
    const then = before.interfaces.get(name);
    if (then === undefined) return [];
    const received = perSecond(then.receivedBytes, now.receivedBytes, elapsedMs);
    const sent = perSecond(then.sentBytes, now.sentBytes, elapsedMs);
    return received + sent < noteworthy ? [] : [{ name, received, sent }];
  });
  interfaces.sort((a, b) => b.received + b.sent - a.received - a.sent);
  const disks = [...after.disks].flatMap(([name, now]): DiskRates[] => {
    const then = before.disks.get(name);
    if (then === undefined) return [];
    return [{
      name,
      read: perSecond(then.readBytes, now.readBytes, elapsedMs),
      written: perSecond(then.writtenBytes, now.writtenBytes, elapsedMs),
      inFlight: now.inFlight,
    }];
  });
  return { disks, interfaces: interfaces.slice(0, interfacesMax) };
}
