/** A record of the performance history as one line of JSON, and back, checked. Pure. */

import {
  type FileSystemProfile,
  routes,
  runFlags,
  type RunRecord,
  runRecordVersion,
  sizeClasses,
} from "../model/run_record.ts";

/** Longer lines are not written and not believed; an ordinary one has about 700 bytes. */
export const LINE_MAX_BYTES = 4096;

/** With its line end. Undefined for a record that is too long to be one. */
export function encodeRecord(record: RunRecord): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new TextEncoder().encode(`${JSON.stringify(tidied(record))}\n`);
  return bytes.length <= LINE_MAX_BYTES ? bytes : undefined;
}

/** Undefined for anything that is not a record of this version. */
export function decodeRecord(line: string): RunRecord | undefined {
  if (line === "" || line.length > LINE_MAX_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Microseconds are more than any clock here deserves. A replacer for JSON.stringify would be asked 50 times. */
function tidied(record: RunRecord): RunRecord {
  const waits = Object.entries(record.waits_ms).map(([name, ms]) => [name, tidy(ms)]);
  return {
    ...record,
    predicted_planning_ms: tidy(record.predicted_planning_ms),
    planning_ms: tidy(record.planning_ms),
    copy_ms: tidy(record.copy_ms),
    total_ms: tidy(record.total_ms),
    waits_ms: Object.fromEntries(waits),
  };
}

function tidy(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

const statuses = ["ok", "partial", "failed", "interrupted"];

type Fields = Record<string, unknown>;

function isRecord(value: unknown): value is RunRecord {
  if (!isObject(value) || value.v !== runRecordVersion) return false;
  const { workload, waits_ms: waits, bytes_by_method: methods } = value;
  return isText(value.time) && !Number.isNaN(Date.parse(value.time)) &&
    isText(value.version) && isText(value.route_reason) &&
    statuses.includes(value.status as string) &&
    (routes as readonly unknown[]).includes(value.route) &&
    areAmounts(value, ["predicted_planning_ms", "planning_ms", "copy_ms", "total_ms"]) &&
    areAmounts(value, ["workers", "lanes", "shard_bytes", "stalls"]) &&
    isObject(workload) && isWorkload(workload) &&
    isProfile(value.source) && isProfile(value.destination) &&
    isObject(methods) && areAmounts(methods, Object.keys(methods)) &&
    isObject(waits) && areAmounts(waits, ["planner", "source", "network", "destination"]);
}

function isWorkload(value: Fields): boolean {
  const { sizes, flags } = value;
  return areAmounts(value, ["files", "bytes"]) &&
    Array.isArray(sizes) && sizes.length === sizeClasses && sizes.every(isAmount) &&
    Array.isArray(flags) && flags.every((flag) => runFlags.includes(flag));
}

function isProfile(value: unknown): value is FileSystemProfile {
  return isObject(value) && isText(value.kind) && typeof value.network === "boolean" &&
    (value.rotational === undefined || typeof value.rotational === "boolean") &&
    (value.device === undefined || isText(value.device));
}

function areAmounts(value: Fields, names: readonly string[]): boolean {
  return names.every((name) => isAmount(value[name]));
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
