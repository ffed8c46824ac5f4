/**
 * What a run takes from earlier ones and from the machine, and what it leaves behind: route, workers and buffers before it
 * starts, a record of it afterwards. Nothing here can make a job fail.
 */

import type { Summary } from "../model/event.ts";
import { Kind } from "../model/entry.ts";
import type { Job } from "../model/job.ts";
import { type RunFlag, type RunRecord, runRecordVersion } from "../model/run_record.ts";
import type { Placement } from "../endpoint/place.ts";
import { type FirstLook, firstLook, nothingSeen, pathFacts } from "../native/paths.ts";
import { closestRealPath, type FileSystemFacts, fileSystemFacts } from "../tune/file_system.ts";
import { type Learning, openLearning } from "../tune/learning.ts";
import { machineFacts } from "../tune/machine.ts";
import { chooseRoute, type RouteDecision, tinyLimits } from "../tune/router.ts";
import { predictPlanning, settledFor } from "../tune/predictor.ts";
import { chooseSizing, type Sizing } from "../tune/sizing.ts";
import { version } from "../base/version.ts";
import type { Tally } from "./tally.ts";

export interface Tuning {
  readonly route: RouteDecision;
  readonly sizing: Sizing;
  readonly source: FileSystemFacts;
  readonly destination: FileSystemFacts;
  readonly flags: readonly RunFlag[];
  readonly learning: Learning;
}

/** Looks at the machine, the two file systems, what was learnt, and as much of the source as the tiny route may hold. */
export function tune(job: Job, placement: Placement): Tuning {
  const learning = openLearning();
  const { sourceRoot, destinationRoot } = placement;
  const source = fileSystemFacts(closestRealPath(sourceRoot));
  const destination = destinationRoot === undefined || onOneFileSystem(sourceRoot, destinationRoot)
    ? source
    : fileSystemFacts(closestRealPath(destinationRoot));
  const flags = flagsOf(job);
  const sides = { source: source.profile, destination: destination.profile, flags };
  const limits = tinyLimits(learning.predictor, sides);
  const route = chooseRoute(learning.predictor, sides, lookAt(placement, limits), limits);
  const sizing = chooseSizing({
    machine: machineFacts(),
    source,
    destination,
    settled: settledFor(learning.predictor, { ...sides, route: route.route }),
    requestedWorkers: job.workers,
    plaid: job.plaid,
  });
  return { route, sizing, source, destination, flags, learning };
}

/** The same for a run whose source is on another machine. Of the destination nothing is asked that would need an answer of its disk. */
export function tuneRemote(job: Job, realDestination: string): Tuning {
  const learning = openLearning();
  const source: FileSystemFacts = { profile: { kind: "blit", network: false }, disks: 1 };
  const destination = fileSystemFacts(realDestination);
  const flags = flagsOf(job);
  const route: RouteDecision = {
    route: "streaming",
    reason: "the source is on another machine",
    predictedPlanningMs: 0,
  };
  const situation = { source: source.profile, destination: destination.profile, flags, route: route.route };
  const sizing = chooseSizing({
    machine: machineFacts(),
    source,
    destination,
    settled: settledFor(learning.predictor, situation),
    requestedWorkers: job.workers,
    plaid: job.plaid,
  });
  return { route, sizing, source, destination, flags, learning };
}

function onOneFileSystem(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => pathFacts(path, true)?.dev);
  return first !== undefined && first === second;
}

function flagsOf(job: Job): RunFlag[] {
  const flags: [RunFlag, boolean][] = [
    ["checksum", job.compare === "checksum"],
    ["delete", job.verb === "mirror"],
    ["verify", job.verify],
    ["fsync", job.fsync],
    ["dry_run", job.dryRun || job.verb === "check"],
    ["discard", job.discard],
    ["bandwidth_limit", job.bandwidthLimit > 0],
    ["workers_limit", job.workers > 0],
    ["plaid", job.plaid],
  ];
  return flags.filter(([, on]) => on).map(([flag]) => flag);
}

/** A directory that holds more than fits the limits, or another directory, is not read any further. */
function lookAt(placement: Placement, limits: { readonly files: number; readonly bytes: number }): FirstLook {
  const { sourceRoot, entry } = placement;
  try {
    if (!entry) return firstLook(sourceRoot, limits.files, limits.bytes);
    const facts = pathFacts(`${sourceRoot}/${entry.source}`, false);
    const bytes = facts?.kind === Kind.File ? facts.size : 0;
    return { files: 1, bytes, largestBytes: bytes, complete: true };
  } catch {
    return nothingSeen; // the run itself says what is wrong
  }
}

/** What planning should have taken, now that the workload is known. */
export function predictedMs(
  { learning, source, destination, route, flags }: Tuning,
  files: number,
  bytes: number,
): number {
  const situation = { source: source.profile, destination: destination.profile, route: route.route, flags };
  return predictPlanning(learning.predictor, situation, files, bytes);
}

/** What the history keeps of a run. */
export function recordOf(tuning: Tuning, summary: Summary, tally: Tally, startedAt: Date): RunRecord {
  const waits = tally.waits(undefined);
  return {
    v: runRecordVersion,
    time: startedAt.toISOString(),
    version,
    status: summary.status,
    route: tuning.route.route,
    route_reason: tuning.route.reason,
    predicted_planning_ms: summary.predictedPlanningMs,
    workload: { files: summary.filesTotal, bytes: summary.bytesTotal, sizes: tally.sizes, flags: tuning.flags },
    source: tuning.source.profile,
    destination: tuning.destination.profile,
    planning_ms: summary.planningMs,
    copy_ms: summary.durationMs,
    total_ms: summary.durationMs,
    bytes_by_method: summary.bytesByMethod,
    workers: summary.workers,
    lanes: 0,
    shard_bytes: 0,
    stalls: summary.stalls,
    waits_ms: { ...waits, network: 0 },
  };
}
