/** How far the planner's predictions are off: on generated runs, and on those that blit has recorded. Pure. */

import type { FileSystemProfile, Route, RunFlag, RunRecord } from "../lib/model/run_record.ts";
import { predictionError } from "../lib/tune/planning_cost.ts";
import { emptyPredictor, isInstructive, learn, modelFor, predictPlanning } from "../lib/tune/predictor.ts";
import { normal, type Random, seededRandom } from "./random.ts";
import { median } from "./statistics.ts";

/** The first runs teach. */
export const taughtRuns = 10;
/** What the median error after them may be. */
export const errorLimit = 0.25;

export interface ProfileErrors {
  readonly profile: string;
  /** Runs after the taught ones. */
  readonly runs: number;
  /** Median of their errors; 0.1 is 10 %. */
  readonly median: number;
}

/** What each profile with more than `taughtRuns` instructive records was predicted like, once it was taught. */
export function replay(records: readonly RunRecord[]): ProfileErrors[] {
  const errors = new Map<string, number[]>();
  let state = emptyPredictor;
  for (const record of records) {
    if (!isInstructive(record)) continue;
    const { files, bytes, flags } = record.workload;
    const situation = { source: record.source, destination: record.destination, route: record.route, flags };
    const { source, destination, route } = modelFor(state, situation);
    const name = `${source} > ${destination}, ${route}`;
    const known = errors.get(name) ?? [];
    known.push(predictionError(predictPlanning(state, situation, files, bytes), record.planning_ms));
    errors.set(name, known);
    state = learn(state, record);
  }
  return [...errors].filter(([, all]) => all.length > taughtRuns).map(([profile, all]) => {
    const after = all.slice(taughtRuns);
    return { profile, runs: after.length, median: median(after) };
  });
}

/** A pair of file systems and what planning costs there, in milliseconds, on a machine of the middle. */
interface Landscape {
  readonly name: string;
  readonly source: FileSystemProfile;
  readonly destination: FileSystemProfile;
  readonly route: Route;
  readonly flags: readonly RunFlag[];
  readonly perFile: number;
  readonly perMib: number;
  readonly fixed: number;
  readonly filesMin: number;
  readonly filesMax: number;
}

const memory: FileSystemProfile = { kind: "tmpfs", network: false };
const flash: FileSystemProfile = { kind: "ext4", network: false, rotational: false, device: "nvme0n1" };
const turning: FileSystemProfile = { kind: "ext4", network: false, rotational: true, device: "sda" };
const share: FileSystemProfile = { kind: "nfs4", network: true };
const anyTree = { route: "streaming", flags: [], filesMin: 10, filesMax: 1e6 } as const;

const landscapes: readonly Landscape[] = [
  { ...anyTree, name: "memory", source: memory, destination: memory, perFile: 0.002, perMib: 1e-4, fixed: 2 },
  { ...anyTree, name: "flash", source: flash, destination: flash, perFile: 0.005, perMib: 1e-4, fixed: 4 },
  { ...anyTree, name: "turning disk", source: turning, destination: flash, perFile: 0.2, perMib: 0.01, fixed: 30 },
  { ...anyTree, name: "network", source: share, destination: flash, perFile: 0.8, perMib: 0.01, fixed: 20 },
  {
    ...anyTree,
    name: "flash with checksums",
    source: flash,
    destination: flash,
    flags: ["checksum"],
    perFile: 0.01,
    perMib: 0.6,
    fixed: 5,
  },
  {
    ...anyTree,
    name: "flash, tiny jobs",
    route: "tiny",
    source: flash,
    destination: flash,
    perFile: 0.05,
    perMib: 0,
    fixed: 1.5,
    filesMin: 1,
    filesMax: 8,
  },
];

/** Of each kind so many, up to ten times as fast or as slow in each respect. */
const machines = 50;
const generatedRuns = 30;
/** The first run finds cold caches, and now and then the machine has something else to do. */
const coldFactor = 10;
const busyShare = 0.05;
const busyFactor = 5;
const spread = 0.1;

export interface GeneratedErrors extends ProfileErrors {
  /** Machines whose own median is within the limit. */
  readonly within: number;
  readonly machines: number;
}

/** One line for each landscape and way of working; the median is that of the machines' medians. */
export function generatedErrors(): GeneratedErrors[] {
  return landscapes.flatMap((landscape, index) =>
    [true, false].map((same) => {
      const random = seededRandom(index + 1);
      const medians = Array.from({ length: machines }, () => {
        const [errors] = replay(generatedRecords(landscape, same, random));
        return errors.median;
      });
      return {
        profile: `${landscape.name}, ${same ? "one job again and again" : "jobs of every size"}`,
        runs: machines * (generatedRuns - taughtRuns),
        median: median(medians),
        within: medians.filter((value) => value < errorLimit).length,
        machines,
      };
    })
  );
}

function generatedRecords(landscape: Landscape, same: boolean, random: Random): RunRecord[] {
  const truth = {
    perFile: landscape.perFile * logUniform(random, 0.1, 10),
    perMib: landscape.perMib * logUniform(random, 0.1, 10),
    fixed: landscape.fixed * logUniform(random, 0.1, 10),
  };
  const job = () => {
    const files = Math.round(logUniform(random, landscape.filesMin, landscape.filesMax));
    return { files, bytes: Math.round(files * logUniform(random, 1e3, 1e6)) };
  };
  const only = job();
  return Array.from({ length: generatedRuns }, (_, run) => {
    const { files, bytes } = same ? only : job();
    const quiet = truth.perFile * files + truth.perMib * bytes / 2 ** 20 + truth.fixed;
    const busy = random() < busyShare ? busyFactor : 1;
    return recordOf(
      landscape,
      files,
      bytes,
      quiet * Math.exp(spread * normal(random)) * (run === 0 ? coldFactor : busy),
    );
  });
}

function recordOf(landscape: Landscape, files: number, bytes: number, planningMs: number): RunRecord {
  const { source, destination, route, flags } = landscape;
  return {
    v: 1,
    time: "2000-01-01T00:00:00.000Z",
    version: "",
    status: "ok",
    route,
    route_reason: "",
    predicted_planning_ms: 0,
    workload: { files, bytes, sizes: [], flags },
    source,
    destination,
    planning_ms: planningMs,
    copy_ms: 0,
    total_ms: planningMs,
    bytes_by_method: {},
    workers: 0,
    lanes: 0,
    shard_bytes: 0,
    stalls: 0,
    waits_ms: { planner: 0, source: 0, network: 0, destination: 0 },
  };
}

/** Every order of magnitude is as likely as any other. */
function logUniform(random: Random, low: number, high: number): number {
  return low * (high / low) ** random();
}
