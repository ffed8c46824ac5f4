/** What limited a run, from where its workers waited. Pure. */

import type { FileSystemProfile, RunRecord } from "../model/run_record.ts";

/** A shorter run is over before anything limits it. */
const RUN_MIN_MS = 2000;

/** Below this share of their time in one place, workers were mostly at work. */
const WAIT_MIN = 0.3;

type Measured = Pick<RunRecord, "total_ms" | "copy_ms" | "workers" | "waits_ms" | "source" | "destination">;

/** `limited by the destination disk: writers waited 81 % of the time`; undefined for a run that was too short to tell. */
export function bottleneckLine(run: Measured): string | undefined {
  const workerMs = run.workers * run.copy_ms;
  if (run.total_ms <= RUN_MIN_MS || workerMs <= 0) return undefined;
  const places: [waitedMs: number, text: (share: string) => string][] = [
    [run.waits_ms.source, (share) => `the source ${medium(run.source)}: readers waited ${share} of the time`],
    [run.waits_ms.network, (share) => `the network: senders waited ${share} of the time`],
    [
      run.waits_ms.destination,
      (share) => `the destination ${medium(run.destination)}: writers waited ${share} of the time`,
    ],
    [run.waits_ms.planner, (share) => `planning: workers waited ${share} of the time for something to do`],
  ];
  const [waitedMs, text] = places.reduce((most, place) => place[0] > most[0] ? place : most);
  if (waitedMs / workerMs >= WAIT_MIN) return `limited by ${text(percent(waitedMs / workerMs))}`;
  const waited = places.reduce((sum, [ms]) => sum + ms, 0);
  return `limited by the processors: workers were busy ${percent(1 - waited / workerMs)} of the time`;
}

function medium(profile: FileSystemProfile): string {
  return profile.network ? "file server" : profile.kind === "tmpfs" || profile.kind === "ramfs" ? "memory" : "disk";
}

/** Clocks of several threads may add up to a little more than the whole. */
function percent(share: number): string {
  return `${Math.round(100 * Math.min(Math.max(share, 0), 1))} %`;
}
