/**
 * How many workers and lanes a run starts with, and how large its buffers, ranges and shards are. Pure.
 *
 * The one place where these are decided: 1. a wish from what was asked for, what earlier runs settled on, or what the machine
 * and its disks suggest; 2. one clamp, by hard limits and memory. During the run what is measured decides.
 */

import { formatBytes, formatCountOf } from "../base/units.ts";
import type { FileSystemFacts } from "./file_system.ts";
import type { MachineFacts } from "./machine.ts";
import type { Settled } from "./predictor.ts";

export interface SizingFacts {
  readonly machine: MachineFacts;
  readonly source: FileSystemFacts;
  readonly destination: FileSystemFacts;
  /** What earlier runs between these file systems ended with. */
  readonly settled?: Settled;
  /** From --workers; 0 leaves the choice here. */
  readonly requestedWorkers: number;
  /** Everything there is, whatever it does to the machine. */
  readonly plaid: boolean;
}

export interface Sizing {
  /** To start with. */
  readonly workers: number;
  /** As far as the run may go up when it measures that more pay; the same as `workers` where the number was asked for. */
  readonly workersMax: number;
  /** Bytes; each worker may hold two of them. */
  readonly bufferBytes: number;
  /** Bytes of a slice of a large file. */
  readonly rangeBytes: number;
  /** Bytes of small files that travel together. */
  readonly shardBytes: number;
  readonly lanes: number;
  /** Why so many workers, for --verbose. */
  readonly reason: string;
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** More have not been seen to pay: a file system's own locks hold them up. */
export const WORKERS_MAX = 24;
/** A disk or server that answers slowly takes more requests at once than there are processors to make them. */
const SPARE = 2;
/** One of them computes while the other waits. */
const WORKERS_MIN = 2;
/** A round trip for every call: more of them have to be on their way than there are processors. */
const NETWORK_WORKERS = 8;
/** One request being served and one behind it; more only make the heads travel. */
const WORKERS_PER_TURNING_DISK = 2;

/** Two of them stay in a core's L2 cache; measured best on ext4, no worse on tmpfs and xfs. */
const BUFFER = 256 * KIB;
/** Where every request has a fixed price of its own, fewer and larger ones. */
const SLOW_MEDIUM_BUFFER = MIB;
const PLAID_BUFFER = 32 * MIB;
const BUFFER_MIN = 64 * KIB;
const BUFFERS_PER_WORKER = 2;
/** The rest belongs to the page cache, which needs it more. */
const MEMORY_SHARE = 1 / 8;

const RANGE = 64 * MIB;
/** Measured flat from 64 KiB to 8 MiB. */
const SHARD = MIB;
const SHARD_LIMITS = [64 * KIB, 8 * MIB] as const;
/** On a short path a third added nothing; on a long one the run adds more while that helps. */
const LANES = 2;
const LANES_MAX = 16;

interface Wish {
  readonly workers: number;
  readonly reason: string;
}

export function chooseSizing(facts: SizingFacts): Sizing {
  const wish = wishedWorkers(facts);
  const stripe = Math.max(facts.source.stripeBytes ?? 0, facts.destination.stripeBytes ?? 0);
  const { workers, bufferBytes } = clampToMemory(
    clamp(Math.round(wish.workers), 1, WORKERS_MAX),
    facts.plaid ? PLAID_BUFFER : wishedBuffer(facts, stripe),
    facts.machine.memoryBytes,
  );
  const cut = workers < Math.round(wish.workers) ? `, of ${Math.round(wish.workers)} wished for` : "";
  const fixed = facts.requestedWorkers > 0 || facts.plaid;
  return {
    workers,
    workersMax: fixed ? workers : clamp(workers * SPARE, workers, WORKERS_MAX),
    bufferBytes,
    rangeBytes: roundUp(RANGE, stripe),
    shardBytes: clamp(Math.round(facts.settled?.shardBytes || SHARD), ...SHARD_LIMITS),
    lanes: clamp(Math.round(facts.settled?.lanes || LANES), 1, LANES_MAX),
    reason: `${formatCountOf(workers, "worker")} with buffers of ${formatBytes(bufferBytes)}: ${wish.reason}${cut}`,
  };
}

function wishedWorkers({ machine, source, destination, settled, requestedWorkers, plaid }: SizingFacts): Wish {
  if (requestedWorkers > 0) return { workers: requestedWorkers, reason: "as asked for" };
  if (plaid) return { workers: Math.max(machine.threads, WORKERS_MIN), reason: "every thread of the machine" };
  if (settled !== undefined && settled.workers > 0) {
    return { workers: settled.workers, reason: `what ${formatCountOf(settled.runs, "earlier run")} settled on` };
  }
  const wish = atLeast(WORKERS_MIN, processorWish(machine));
  const sides = [source, destination];
  if (sides.some((side) => side.profile.network)) return atLeast(NETWORK_WORKERS, wish, "a network file system");
  return sides.reduce(limitByDisk, wish);
}

/** The second thread of a core adds about half of what the first one does. */
function processorWish({ threads, threadsPerCore, cpuQuota }: MachineFacts): Wish {
  const cores = Math.max(1, Math.round(threads / threadsPerCore));
  const workers = Math.round(cores + (threads - cores) / 2);
  if (cpuQuota !== undefined && cpuQuota < workers) {
    return { workers: Math.ceil(cpuQuota), reason: `a control group grants ${cpuQuota.toFixed(1)} processors` };
  }
  const shared = threads > cores ? ` on ${formatCountOf(cores, "core")}` : "";
  return { workers, reason: `${formatCountOf(threads, "processor")}${shared}` };
}

function limitByDisk(wish: Wish, { profile, disks, queueDepth }: FileSystemFacts): Wish {
  const turning = profile.rotational === true ? disks * WORKERS_PER_TURNING_DISK : Infinity;
  const limit = Math.max(1, Math.min(turning, queueDepth ?? Infinity));
  if (wish.workers <= limit) return wish;
  const disk = profile.device ?? "the disk";
  return { workers: limit, reason: turning <= limit ? `${disk} turns` : `${disk} takes ${limit} requests at once` };
}

function wishedBuffer({ source, destination }: SizingFacts, stripe: number): number {
  const slow = [source, destination].some(({ profile }) => profile.network || profile.rotational === true);
  return roundUp(slow ? SLOW_MEDIUM_BUFFER : BUFFER, stripe);
}

/** Halves the buffers first, and takes workers away only where the smallest ones do not fit. */
function clampToMemory(
  workers: number,
  bufferBytes: number,
  memoryBytes = Infinity,
): { workers: number; bufferBytes: number } {
  const room = memoryBytes * MEMORY_SHARE / BUFFERS_PER_WORKER;
  let buffer = Math.min(bufferBytes, PLAID_BUFFER);
  while (buffer / 2 >= BUFFER_MIN && buffer * workers > room) buffer /= 2;
  return { workers: clamp(Math.floor(room / buffer), 1, workers), bufferBytes: buffer };
}

function atLeast(workers: number, wish: Wish, reason = wish.reason): Wish {
  return wish.workers >= workers ? wish : { workers, reason };
}

function roundUp(bytes: number, multipleOf: number): number {
  return multipleOf > 0 ? Math.ceil(bytes / multipleOf) * multipleOf : bytes;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
