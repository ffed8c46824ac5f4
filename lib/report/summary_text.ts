/** The summary for people: two lines, and with --stats a table below. */

import { formatBytes, formatCount, formatCountOf, formatDuration, formatRate } from "../base/units.ts";
import type { Method, Summary } from "../model/event.ts";

/** How each way of moving bytes is called, in the order shown. */
const methodNames: readonly (readonly [Method, string])[] = [
  ["reflink", "reflink"],
  ["copy_file_range", "in-kernel copy"],
  ["read_write", "read/write"],
  ["hole", "holes"],
  ["discarded", "discarded"],
];

export function bytesPerSecond(bytes: number, durationMs: number): number {
  return durationMs > 0 ? bytes * 1000 / durationMs : 0;
}

export interface SummaryContext {
  /** The job read only (--null). */
  readonly discard: boolean;
  /** Directories of which `check` found only the metadata different; a summary does not count them. */
  readonly directoriesMetadataOnly: number;
}

/** Without line ends. */
export function summaryLines(summary: Summary, context: SummaryContext): string[] {
  const prefix = summary.status === "interrupted" ? "Interrupted. " : summary.status === "failed" ? "Failed. " : "";
  const suffix = summary.dryRun ? " (dry run, nothing was changed)" : "";
  const first = prefix + headline(summary, context.discard) + suffix;
  // A rename moves a tree without looking into it; there is nothing to count.
  if (summary.route === "rename" && summary.failuresTotal === 0) return [first];
  return [first, countsLine(summary, context)];
}

function headline(summary: Summary, discard: boolean): string {
  const took = `in ${formatDuration(summary.durationMs)}`;
  if (summary.verb === "check") {
    return `Compared ${formatCountOf(summary.filesTotal, "file")}, ${formatBytes(summary.bytesTotal)} ${took}`;
  }
  if (summary.route === "rename") return `${summary.dryRun ? "Would move" : "Moved"} by a plain rename ${took}`;
  const what = `${formatCountOf(summary.filesCopied, "file")}${metadataOnly(summary)}, ${
    formatBytes(summary.bytesCopied)
  }`;
  if (summary.dryRun) return `Would copy ${what}`;
  const rate = formatRate(bytesPerSecond(summary.bytesCopied, summary.durationMs));
  return `${discard ? "Read" : "Copied"} ${what} ${took}, ${rate}${methodsOf(summary)}`;
}

function metadataOnly({ filesMetadataOnly }: Summary): string {
  return filesMetadataOnly > 0 ? ` (${formatCount(filesMetadataOnly)} metadata only)` : "";
}

function methodsOf(summary: Summary): string {
  const used = methodNames
    .filter(([method]) => (summary.bytesByMethod[method] ?? 0) > 0)
    .map(([method, name]) => `${name} ${formatBytes(summary.bytesByMethod[method]!)}`);
  return used.length === 0 ? "" : ` (${used.join(", ")})`;
}

function countsLine(summary: Summary, { directoriesMetadataOnly }: SummaryContext): string {
  const unchanged = formatCount(summary.filesUnchanged);
  const gone = filesAndDirectories(summary.filesDeleted, summary.directoriesDeleted);
  const failed = `failed ${formatCount(summary.failuresTotal)}`;
  if (summary.verb === "check") {
    const different = filesAndDirectories(summary.filesCopied, summary.directoriesCreated) + metadataOnly(summary);
    const directories = directoriesMetadataOnly === 0
      ? ""
      : `, other metadata on ${formatCountOf(directoriesMetadataOnly, "directory", "directories")}`;
    return `Equal ${unchanged}, missing or different ${different}${directories}, only in destination ${gone}, ${failed}`;
  }
  const removed = summary.verb === "move" ? `, removed from the source ${formatCount(summary.filesRemoved)}` : "";
  return `Unchanged ${unchanged}, ${summary.dryRun ? "would delete" : "deleted"} ${gone}${removed}, ${failed}`;
}

/** "12", "12 and 1 directory". */
function filesAndDirectories(files: number, directories: number): string {
  if (directories === 0) return formatCount(files);
  return `${formatCount(files)} and ${formatCountOf(directories, "directory", "directories")}`;
}

/** What --stats adds. */
export function statsLines(summary: Summary): string[] {
  const rows: [string, string][] = [
    ["Route", summary.route],
    ["Files", formatCount(summary.filesTotal)],
    ["Directories", formatCount(summary.directoriesTotal)],
    ["Directories created", formatCount(summary.directoriesCreated)],
    ["Total size", bytesExactly(summary.bytesTotal)],
    ["Copied size", bytesExactly(summary.bytesCopied)],
    ...methodNames
      .filter(([method]) => summary.bytesByMethod[method] !== undefined)
      .map(([method, name]): [string, string] => [`  by ${name}`, bytesExactly(summary.bytesByMethod[method]!)]),
    ["Files per second", formatCount(Math.round(bytesPerSecond(summary.filesCopied, summary.durationMs)))],
    ["Time", formatDuration(summary.durationMs)],
  ];
  const widest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${`${name}:`.padEnd(widest + 2)} ${text}`);
}

function bytesExactly(bytes: number): string {
  return bytes < 1024 ? formatBytes(bytes) : `${formatBytes(bytes)} (${formatCount(bytes)} bytes)`;
}
