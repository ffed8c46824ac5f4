/** A Job as it travels. Paths of the two sides are not part of it: they are said in Open. */

import { create } from "@bufbuild/protobuf";
import { BlitError } from "../base/errors.ts";
import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { type CompareMode, defaultNetwork, type Job, type NetworkOptions, type Verb } from "../model/job.ts";
import { type Job as WireJob, JobSchema } from "./gen/blit/v1/transfer_pb.ts";

const verbs: readonly string[] = ["copy", "mirror", "move", "check"] satisfies Verb[];
const compareModes: readonly string[] = ["quick", "size", "checksum", "always"] satisfies CompareMode[];
const congestions: readonly string[] = ["", "bbr", "cubic", "reno"];

export function jobToWire(job: Job): WireJob {
  const { filter, deletion } = job;
  return create(JobSchema, {
    verb: job.verb,
    dryRun: job.dryRun,
    compare: job.compare,
    ignoreExisting: job.ignoreExisting,
    oneFileSystem: job.oneFileSystem,
    rules: filter.rules.map(({ action, pattern }) => ({
      exclude: action === "exclude",
      pattern: pathToBytes(pattern),
    })),
    filesFrom: filter.filesFrom?.map(pathToBytes) ?? [],
    hasFilesFrom: filter.filesFrom !== undefined,
    minSize: big(filter.minSize),
    maxSize: big(filter.maxSize),
    minAgeMs: big(filter.minAgeMs),
    maxAgeMs: big(filter.maxAgeMs),
    deleteHidden: deletion.scope === "all",
    maxDelete: big(deletion.max),
    backupDirectory: job.backupDir === undefined ? undefined : pathToBytes(job.backupDir),
    bandwidthLimit: BigInt(Math.ceil(job.bandwidthLimit)),
    fsync: job.fsync,
    verify: job.verify,
    forceSpace: job.forceSpace,
    oneWay: job.oneWay,
    workers: job.workers,
    stallTimeoutMs: Number.isFinite(job.stallTimeoutMs) ? BigInt(Math.round(job.stallTimeoutMs)) : 0n,
    itemize: job.itemize,
    congestionControl: job.network?.congestion,
    resume: job.network?.resume,
  });
}

/** `sources` is empty and `destination` undefined. Raises BlitError (failed) for values that cannot be. */
export function jobFromWire(wire: WireJob): Job {
  return {
    verb: oneOf(verbs, wire.verb, "verb") as Verb,
    sources: [],
    dryRun: wire.dryRun,
    compare: oneOf(compareModes, wire.compare, "comparison") as CompareMode,
    ignoreExisting: wire.ignoreExisting,
    oneFileSystem: wire.oneFileSystem,
    filter: {
      rules: wire.rules.map(({ exclude, pattern }) => ({
        action: exclude ? "exclude" : "include",
        pattern: pathFromBytes(pattern),
      })),
      filesFrom: wire.hasFilesFrom ? wire.filesFrom.map(pathFromBytes) : undefined,
      minSize: small(wire.minSize),
      maxSize: small(wire.maxSize),
      minAgeMs: small(wire.minAgeMs),
      maxAgeMs: small(wire.maxAgeMs),
    },
    deletion: { scope: wire.deleteHidden ? "all" : "subset", max: small(wire.maxDelete) },
    backupDir: wire.backupDirectory && pathFromBytes(wire.backupDirectory),
    bandwidthLimit: small(wire.bandwidthLimit)!,
    fsync: wire.fsync,
    verify: wire.verify,
    forceSpace: wire.forceSpace,
    discard: false,
    oneWay: wire.oneWay,
    workers: Math.min(wire.workers, 256),
    plaid: false,
    stallTimeoutMs: small(wire.stallTimeoutMs) || Infinity,
    itemize: wire.itemize,
    network: {
      ...defaultNetwork,
      congestion: oneOf(congestions, wire.congestionControl, "congestion control") as NetworkOptions["congestion"],
      resume: wire.resume,
    },
  };
}

function big(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(Math.round(value));
}

function small(value: bigint | undefined): number | undefined {
  if (value !== undefined && value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed("a number that is too large");
  return value === undefined ? undefined : Number(value);
}

function oneOf(known: readonly string[], value: string, what: string): string {
  if (!known.includes(value)) throw malformed(`a ${what} that is not known`);
  return value;
}

function malformed(what: string): BlitError {
  return new BlitError("failed", `Cannot begin the job: it has ${what}`);
}
