/** Events, live figures and results of a job as they travel. */

import { create } from "@bufbuild/protobuf";
import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { Kind } from "../model/entry.ts";
import type { Change, EntryKind, Failure, JobEvent, Method, Phase, Progress, Status, Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import type { Failure as WireFailure } from "./gen/blit/v1/entry_pb.ts";
import {
  type Event,
  EventSchema,
  type Progress as WireProgress,
  ProgressSchema,
  type Summary as WireSummary,
  SummarySchema,
} from "./gen/blit/v1/transfer_pb.ts";

/** Numbers of EntryKind in entry.proto are those of Kind. */
const kinds: Readonly<Record<EntryKind, number>> = {
  file: Kind.File,
  symlink: Kind.Symlink,
  fifo: Kind.Fifo,
  socket: Kind.Socket,
  char_device: Kind.CharDevice,
  block_device: Kind.BlockDevice,
  directory: Kind.Directory,
};
const kindNames = new Map(Object.entries(kinds).map(([name, kind]) => [kind, name as EntryKind]));
const statuses: readonly Status[] = ["ok", "partial", "failed", "interrupted"];
const phases: readonly string[] = ["scanning", "copying", "deleting", "finishing"] satisfies Phase[];

export function eventToWire(event: JobEvent): Event {
  switch (event.type) {
    case "entry": {
      const { change, kind, path, size } = event;
      const value = {
        change,
        kind: kinds[kind],
        path: pathToBytes(path),
        size: size === undefined ? undefined : uint64(size),
      };
      return create(EventSchema, { event: { case: "entry", value } });
    }
    case "failure":
      return create(EventSchema, { event: { case: "failure", value: failureToWire(event) } });
    case "notice":
      return create(EventSchema, { event: { case: "notice", value: { kind: event.kind, message: event.message } } });
    case "phase":
      return create(EventSchema, { event: { case: "phase", value: event.phase } });
    case "planner":
      return create(EventSchema, { event: { case: "planner", value: event.message } });
  }
}

/** Undefined for an event that is not known here. */
export function eventFromWire({ event }: Event): JobEvent | undefined {
  switch (event.case) {
    case "entry": {
      const { change, kind, path, size } = event.value;
      return {
        type: "entry",
        change: change as Change,
        kind: kindNames.get(kind) ?? "file",
        path: pathFromBytes(path),
        size: size === undefined ? undefined : Number(size),
      };
    }
    case "failure":
      return { type: "failure", ...failureFromWire(event.value) };
    case "notice":
      return { type: "notice", kind: event.value.kind, message: event.value.message };
    case "phase":
      return { type: "phase", phase: phaseOf(event.value) };
    case "planner":
      return { type: "planner", message: event.value };
    default:
      return undefined;
  }
}

export function failureToWire({ path, code, message }: Failure) {
  return { path: pathToBytes(path), code, message: message.toWellFormed() };
}

export function failureFromWire({ path, code, message }: WireFailure): Failure {
  return { path: pathFromBytes(path), code, message };
}

export function progressToWire(progress: Progress): WireProgress {
  const { bytesTotal, currentPath, waits, network } = progress;
  return create(ProgressSchema, {
    phase: progress.phase,
    filesDone: uint64(progress.filesDone),
    filesTotal: uint64(progress.filesTotal),
    bytesDone: uint64(progress.bytesDone),
    bytesTotal: bytesTotal === undefined ? undefined : uint64(bytesTotal),
    scanComplete: progress.scanComplete,
    currentPath: currentPath === undefined ? undefined : pathToBytes(currentPath),
    workers: progress.workers,
    waitPlannerMs: waits.planner,
    waitSourceMs: waits.source,
    waitDestinationMs: waits.destination,
    lanes: network?.lanes,
    retransmits: uint64(network?.retransmits ?? 0),
    roundTripMs: network?.roundTripMs,
  });
}

export function progressFromWire(wire: WireProgress): Progress {
  return {
    phase: phaseOf(wire.phase),
    filesDone: Number(wire.filesDone),
    filesTotal: Number(wire.filesTotal),
    bytesDone: Number(wire.bytesDone),
    bytesTotal: wire.bytesTotal === undefined ? undefined : Number(wire.bytesTotal),
    scanComplete: wire.scanComplete,
    currentPath: wire.currentPath && pathFromBytes(wire.currentPath),
    workers: wire.workers,
    waits: { planner: wire.waitPlannerMs, source: wire.waitSourceMs, destination: wire.waitDestinationMs },
    network: { lanes: wire.lanes, retransmits: Number(wire.retransmits), roundTripMs: wire.roundTripMs },
  };
}

export function summaryToWire(summary: Summary): WireSummary {
  const bytesByMethod = Object.fromEntries(
    Object.entries(summary.bytesByMethod).map(([method, bytes]) => [method, uint64(bytes)]),
  );
  return create(SummarySchema, {
    status: summary.status,
    route: summary.route,
    routeReason: summary.routeReason,
    planningMs: summary.planningMs,
    predictedPlanningMs: summary.predictedPlanningMs,
    workers: summary.workers,
    stalls: summary.stalls,
    bottleneck: summary.bottleneck,
    filesTotal: uint64(summary.filesTotal),
    filesTransferred: uint64(summary.filesCopied),
    filesUnchanged: uint64(summary.filesUnchanged),
    filesRemoved: uint64(summary.filesRemoved),
    filesDeleted: uint64(summary.filesDeleted),
    filesFailed: uint64(summary.filesFailed),
    filesMetadataOnly: uint64(summary.filesMetadataOnly),
    filesNotTried: uint64(summary.filesNotTried),
    directoriesTotal: uint64(summary.directoriesTotal),
    directoriesCreated: uint64(summary.directoriesCreated),
    directoriesDeleted: uint64(summary.directoriesDeleted),
    entriesDeleted: uint64(summary.filesDeleted + summary.directoriesDeleted),
    bytesTotal: uint64(summary.bytesTotal),
    bytesTransferred: uint64(summary.bytesCopied),
    bytesZeroCopy: uint64(summary.bytesZeroCopy ?? 0),
    tcpFallbackUsed: summary.tcpFallbackUsed ?? false,
    lanes: summary.lanes ?? 0,
    retransmits: uint64(summary.retransmits ?? 0),
    roundTripMs: summary.roundTripMs ?? 0,
    bytesByMethod,
    durationMs: summary.durationMs,
    failuresTotal: uint64(summary.failuresTotal),
    failures: summary.failures.map(failureToWire),
    notices: [...summary.notices],
  });
}

/** What the client knows already is not told again. A status that is none, or is better than the counts, is not believed. */
export function summaryFromWire(wire: WireSummary, job: Pick<Job, "verb" | "dryRun">): Summary {
  const bytesByMethod = Object.fromEntries(
    Object.entries(wire.bytesByMethod).map(([method, bytes]) => [method as Method, Number(bytes)]),
  );
  return {
    verb: job.verb,
    dryRun: job.dryRun,
    status: statusOf(wire),
    route: wire.route,
    routeReason: wire.routeReason,
    planningMs: wire.planningMs,
    predictedPlanningMs: wire.predictedPlanningMs,
    workers: wire.workers,
    stalls: wire.stalls,
    bottleneck: wire.bottleneck,
    filesTotal: Number(wire.filesTotal),
    filesCopied: Number(wire.filesTransferred),
    filesUnchanged: Number(wire.filesUnchanged),
    filesRemoved: Number(wire.filesRemoved),
    filesDeleted: Number(wire.filesDeleted),
    filesFailed: Number(wire.filesFailed),
    filesMetadataOnly: Number(wire.filesMetadataOnly),
    filesNotTried: Number(wire.filesNotTried),
    directoriesTotal: Number(wire.directoriesTotal),
    directoriesCreated: Number(wire.directoriesCreated),
    directoriesDeleted: Number(wire.directoriesDeleted),
    bytesTotal: Number(wire.bytesTotal),
    bytesCopied: Number(wire.bytesTransferred),
    bytesZeroCopy: Number(wire.bytesZeroCopy),
    tcpFallbackUsed: wire.tcpFallbackUsed,
    lanes: wire.lanes,
    retransmits: Number(wire.retransmits),
    roundTripMs: wire.roundTripMs,
    bytesByMethod,
    durationMs: wire.durationMs,
    failuresTotal: Number(wire.failuresTotal),
    failures: wire.failures.map(failureFromWire),
    notices: wire.notices,
  };
}

function statusOf({ status, failuresTotal, filesFailed, failures }: WireSummary): Status {
  const known = statuses.find((known) => known === status);
  const failed = failuresTotal > 0 || filesFailed > 0 || failures.length > 0;
  return known === "ok" && failed ? "partial" : known ?? "failed";
}

/** As much of it as the field holds: what a source claims of its files may add up to more. */
function uint64(value: number): bigint {
  return value < 2 ** 64 ? BigInt(Math.round(value)) : 2n ** 64n - 1n;
}

function phaseOf(text: string): Phase {
  return phases.includes(text) ? text as Phase : "copying";
}
