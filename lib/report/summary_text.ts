/** The summary for people: two or three lines, and with -v and --stats more below. */

import { formatBytes, formatCount, formatCountOf, formatDuration, formatRate } from "../base/units.ts";
import type { Method, Summary, Waits } from "../model/event.ts";
import { diskRatesText, interfaceRatesText, type IoRates, networkText, waitingText } from "./stats_block.ts";

/** How each way of moving bytes is called, in the order shown. */
const methodNames: readonly (readonly [Method, string])[] = [
  ["reflink", "reflink"],
  ["copy_file_range", "in-kernel copy"],
  ["read_write", "read/write"],
  ["network", "network"],
  ["resumed", "already there"],
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
  if (summary.route === "detached") return []; // it has only begun
  const prefix = summary.status === "interrupted" ? "Interrupted. " : summary.status === "failed" ? "Failed. " : "";
  const suffix = summary.dryRun ? " (dry run, nothing was changed)" : "";
  const first = prefix + headline(summary, context.discard) + suffix;
  // A rename moves a tree without looking into it; there is nothing to count.
  if (summary.route === "rename" && summary.failuresTotal === 0) return [first];
  const limit = summary.bottleneck === undefined ? [] : [capitalised(summary.bottleneck)];
  return [first, countsLine(summary, context), ...limit];
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
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
  if (used.length === 0) return "";
  return ` (${used.join(", ")}${carrierOf(summary)})`;
}

/** How the bytes got from one machine to the other. */
function carrierOf({ lanes, tcpFallbackUsed }: Summary): string {
  if (tcpFallbackUsed) return " inside the control channel";
  return lanes === undefined || lanes === 0 ? "" : ` over ${formatCountOf(lanes, "connection")}`;
}

function countsLine(summary: Summary, { directoriesMetadataOnly }: SummaryContext): string {
  const unchanged = formatCount(summary.filesUnchanged);
  const gone = filesAndDirectories(summary.filesDeleted, summary.directoriesDeleted);
  const notTried = summary.filesNotTried === 0 ? "" : `, not tried ${formatCount(summary.filesNotTried)}`;
  const failed = `failed ${formatCount(summary.failuresTotal)}${notTried}`;
  if (summary.verb === "check") {
    const different = filesAndDirectories(summary.filesCopied, summary.directoriesCreated) + metadataOnly(summary);
    const directories = directoriesMetadataOnly === 0
      ? ""
      : `, other metadata on ${formatCountOf(directoriesMetadataOnly, "directory", "directories")}`;
    return `Equal ${unchanged}, missing or different ${different}${directories}, only in destination ${gone}, ${failed}`;
  }
  const would = summary.dryRun ? "would remove" : "removed";
  const removed = summary.verb === "move" ? `, ${would} from the source ${formatCount(summary.filesRemoved)}` : "";
  return `Unchanged ${unchanged}, ${summary.dryRun ? "would delete" : "deleted"} ${gone}${removed}, ${failed}`;
}

/** "12", "12 and 1 directory". */
function filesAndDirectories(files: number, directories: number): string {
  if (directories === 0) return formatCount(files);
  return `${formatCount(files)} and ${formatCountOf(directories, "directory", "directories")}`;
}

/** What -v adds. */
export function explanationLines(summary: Summary): string[] {
  if (summary.route === "rename") return [];
  const workers = formatCountOf(summary.workers, "worker");
  const stalls = summary.stalls === 0 ? "" : `, ${formatCountOf(summary.stalls, "stall")}`;
  return [`Planned in ${planningText(summary)}, ${workers}${stalls}`, ...smile(summary)];
}

function planningText({ planningMs, predictedPlanningMs }: Summary): string {
  return `${formatDuration(planningMs)} (${formatDuration(predictedPlanningMs)} predicted)`;
}

/** What it takes to travel in time. */
const fluxBitsPerSecond = 1.21e9;

function smile({ verb, dryRun, bytesCopied, durationMs }: Summary): string[] {
  const bits = 8 * bytesPerSecond(bytesCopied, durationMs);
  if (dryRun || verb === "check" || bits < fluxBitsPerSecond) return [];
  return [`${(bits / 1e9).toFixed(2)} gigabits a second: great Scott!`];
}

/** What was measured beside the summary; absent where it was not. */
export interface Measured {
  readonly io?: IoRates;
  /** Of as many workers as the summary names. */
  readonly waits?: Waits;
}

/** What --stats adds. */
export function statsLines(summary: Summary, { io, waits }: Measured = {}): string[] {
  const waiting = waits && waitingText(waits, summary.workers * summary.durationMs);
  const rows: [string, string][] = [
    ["Route", summary.routeReason === "" ? summary.route : `${summary.route} (${summary.routeReason})`],
    ["Planning", planningText(summary)],
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
    ["Workers", formatCount(summary.workers)],
    ...(waiting === undefined ? [] : [["Waiting for", waiting] satisfies [string, string]]),
    ["Stalls", formatCount(summary.stalls)],
    ...(summary.lanes ? [["Connections", connectionsText(summary)] satisfies [string, string]] : []),
    ...(io?.disks ?? []).map((disk): [string, string] => [`Disk ${disk.name}`, diskRatesText(disk)]),
    ...(io?.interfaces ?? []).map((rates): [string, string] => [`Network ${rates.name}`, interfaceRatesText(rates)]),
  ];
  const widest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${`${name}:`.padEnd(widest + 2)} ${text}`);
}

function connectionsText({ lanes = 0, retransmits = 0, roundTripMs = 0 }: Summary): string {
  return networkText({ lanes, retransmits, roundTripMs });
}

function bytesExactly(bytes: number): string {
  return bytes < 1024 ? formatBytes(bytes) : `${formatBytes(bytes)} (${formatCount(bytes)} bytes)`;
}
