/**
 * The machine's view of a summary: snake_case, every field always present.
 *
 * Paths are PEP 383 strings: JSON.stringify writes the surrogate of a byte that is not UTF-8 as `\udcXX`. Python's
 * json.loads and os.fsencode give the bytes back as they are.
 */

import type { BlitError } from "../base/errors.ts";
import type { Method, Summary } from "../model/event.ts";
import { bytesPerSecond } from "./summary_text.ts";

const methods: readonly Method[] = [
  "reflink",
  "copy_file_range",
  "read_write",
  "hole",
  "discarded",
  "network",
  "resumed",
];

export function summaryRecord(summary: Summary) {
  return {
    command: summary.verb,
    dry_run: summary.dryRun,
    status: summary.status,
    route: summary.route,
    route_reason: summary.routeReason,
    predicted_planning_ms: microseconds(summary.predictedPlanningMs),
    planning_ms: microseconds(summary.planningMs),
    workers: summary.workers,
    stalls: summary.stalls,
    bottleneck: summary.bottleneck ?? null,
    files_total: summary.filesTotal,
    files_copied: summary.filesCopied,
    files_unchanged: summary.filesUnchanged,
    files_removed: summary.filesRemoved,
    files_deleted: summary.filesDeleted,
    files_failed: summary.filesFailed,
    files_not_tried: summary.filesNotTried,
    files_metadata_only: summary.filesMetadataOnly,
    directories_total: summary.directoriesTotal,
    directories_created: summary.directoriesCreated,
    directories_deleted: summary.directoriesDeleted,
    bytes_total: summary.bytesTotal,
    bytes_copied: summary.bytesCopied,
    bytes_by_method: Object.fromEntries(methods.map((method) => [method, summary.bytesByMethod[method] ?? 0])),
    bytes_zero_copy: summary.bytesZeroCopy ?? 0,
    lanes: summary.lanes ?? 0,
    retransmits: summary.retransmits ?? 0,
    round_trip_ms: microseconds(summary.roundTripMs ?? 0),
    tcp_fallback_used: summary.tcpFallbackUsed ?? false,
    duration_ms: Math.round(summary.durationMs),
    bytes_per_second: Math.round(bytesPerSecond(summary.bytesCopied, summary.durationMs)),
    failures_total: summary.failuresTotal,
    failures: summary.failures.map(({ path, code, message }) => ({ path, code, message })),
    notices: summary.notices,
  };
}

/** Planning takes less than a millisecond where there is little to plan. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Stands in for the summary of a job that broke off. */
export function errorRecord(error: BlitError) {
  return {
    status: error.code === "interrupted" ? "interrupted" : "failed",
    error: { code: error.code, message: error.message, hint: error.hint },
  };
}
