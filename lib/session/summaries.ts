/** The scores of several sources as one, and that of a job that is not waited for. */

import type { Method, Progress, Status, Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";

const worst: readonly Status[] = ["ok", "partial", "failed", "interrupted"];

/** At least one. */
export function addSummaries(summaries: readonly Summary[], interrupted: boolean): Summary {
  const [first, ...rest] = summaries;
  const sum = rest.reduce(add, first);
  return interrupted ? { ...sum, status: "interrupted" } : sum;
}

function add(a: Summary, b: Summary): Summary {
  const bytesByMethod: Partial<Record<Method, number>> = { ...a.bytesByMethod };
  for (const [method, bytes] of Object.entries(b.bytesByMethod) as [Method, number][]) {
    bytesByMethod[method] = (bytesByMethod[method] ?? 0) + bytes;
  }
  return {
    ...b,
    status: worst[Math.max(worst.indexOf(a.status), worst.indexOf(b.status))],
    planningMs: a.planningMs + b.planningMs,
    predictedPlanningMs: a.predictedPlanningMs + b.predictedPlanningMs,
    workers: Math.max(a.workers, b.workers),
    stalls: a.stalls + b.stalls,
    filesTotal: a.filesTotal + b.filesTotal,
    filesCopied: a.filesCopied + b.filesCopied,
    filesUnchanged: a.filesUnchanged + b.filesUnchanged,
    filesRemoved: a.filesRemoved + b.filesRemoved,
    filesDeleted: a.filesDeleted + b.filesDeleted,
    filesFailed: a.filesFailed + b.filesFailed,
    filesNotTried: a.filesNotTried + b.filesNotTried,
    filesMetadataOnly: a.filesMetadataOnly + b.filesMetadataOnly,
    directoriesTotal: a.directoriesTotal + b.directoriesTotal,
    directoriesCreated: a.directoriesCreated + b.directoriesCreated,
    directoriesDeleted: a.directoriesDeleted + b.directoriesDeleted,
    bytesTotal: a.bytesTotal + b.bytesTotal,
    bytesCopied: a.bytesCopied + b.bytesCopied,
    bytesZeroCopy: (a.bytesZeroCopy ?? 0) + (b.bytesZeroCopy ?? 0),
    tcpFallbackUsed: a.tcpFallbackUsed || b.tcpFallbackUsed,
    lanes: Math.max(a.lanes ?? 0, b.lanes ?? 0),
    retransmits: (a.retransmits ?? 0) + (b.retransmits ?? 0),
    roundTripMs: Math.max(a.roundTripMs ?? 0, b.roundTripMs ?? 0),
    bytesByMethod,
    durationMs: a.durationMs + b.durationMs,
    failuresTotal: a.failuresTotal + b.failuresTotal,
    failures: [...a.failures, ...b.failures],
    notices: [...new Set([...a.notices, ...b.notices])],
  };
}

/** All that is known of a job that was asked to stop and does not. */
export function interruptedSummary({ verb, dryRun }: Job, progress: Progress, durationMs: number): Summary {
  const { filesTotal, filesDone, bytesTotal, bytesDone, workers, network } = progress;
  return {
    verb,
    dryRun,
    status: "interrupted",
    route: "interrupted",
    routeReason: "the job did not end in time",
    predictedPlanningMs: 0,
    planningMs: 0,
    workers,
    stalls: 0,
    filesTotal,
    filesCopied: filesDone,
    filesUnchanged: 0,
    filesRemoved: 0,
    filesDeleted: 0,
    filesFailed: 0,
    filesNotTried: 0,
    filesMetadataOnly: 0,
    directoriesTotal: 0,
    directoriesCreated: 0,
    directoriesDeleted: 0,
    bytesTotal: bytesTotal ?? bytesDone,
    bytesCopied: bytesDone,
    bytesByMethod: {},
    lanes: network?.lanes,
    durationMs,
    failuresTotal: 0,
    failures: [],
    notices: [],
  };
}
