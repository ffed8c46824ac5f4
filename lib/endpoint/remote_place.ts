/**
 * What the path arguments of a job between machines mean: rsync's rules, as place.ts applies them to local paths, for pairs of which one
 * side, or both, are at a daemon. Only what stands at the paths themselves is asked for.
 */

import { BlitError, usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import type { Job } from "../model/job.ts";
import { Kind } from "../model/entry.ts";
import { pathFacts } from "../native/paths.ts";
import { formatRemote, parseRemote, type RemoteEndpoint } from "./remote.ts";
import { refuseKeptName, refuseSpecialDestination, refuseSpecialSource } from "./special.ts";
import { mergesOf } from "./twins.ts";

/** A path on this machine (as typed), or at a daemon. */
export type Endpoint = { readonly local: string } | { readonly remote: RemoteEndpoint };

export interface EndpointPair {
  /** A directory: of the tree, or the one that holds the single entry. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly entry?: { readonly source: string; readonly destination: string };
  readonly filterPrefix: string;
  readonly removeRoot: boolean;
  /** Another source of the job leads into the same tree of the destination. */
  readonly merges?: boolean;
}

/** Kind of what stands at a daemon's path; undefined for nothing. */
export type Locate = (endpoint: RemoteEndpoint) => Promise<number | undefined>;

/** Whether any of the paths is at a daemon. Raises usage errors for malformed ones, and for a backup directory elsewhere. */
export function isBetweenMachines({ sources, destination, backupDir }: JobPaths): boolean {
  const to = destination === undefined ? undefined : parseRemote(destination);
  if (backupDir !== undefined && parseRemote(backupDir) !== undefined && to === undefined) {
    throw usageError(
      `Cannot use "${printablePath(backupDir)}" as the backup directory: the destination is on this machine`,
      `Name a directory of this machine, or write "./${printablePath(backupDir)}" for the local name.`,
    );
  }
  // Each is looked at: one that is malformed must not hide behind one that is not.
  return [...sources.map((source) => parseRemote(source)), to].some((place) => place !== undefined);
}

type JobPaths = Pick<Job, "sources" | "destination" | "backupDir">;

/** Raises BlitError: usage for contradictions, failed for a source that is missing. */
export async function placeBetween(job: Job, locate: Locate): Promise<EndpointPair[]> {
  if (job.discard || job.destination === undefined) {
    throw usageError("--null reads local sources only, and writes nowhere", "Leave other machines out.");
  }
  const destination = endpointOf(job.destination);
  const target = await kindOf(destination, locate, true);
  if (job.sources.length > 1 && target !== Kind.Directory && !endsWithSlash(job.destination)) {
    throw usageError(
      `Cannot put ${job.sources.length} sources into "${printablePath(job.destination)}": it is not a directory`,
      "End it with a slash to have it created.",
    );
  }
  const pairs: EndpointPair[] = [];
  for (const source of job.sources) pairs.push(await placeSource(job, source, destination, target, locate));
  return markMerges(job, pairs);
}

/** Which entry came from which source a daemon does not know from one transfer to the next. */
function markMerges(job: Job, pairs: readonly EndpointPair[]): EndpointPair[] {
  const merges = mergesOf(pairs.map(({ destination, entry }, i) => {
    const shown = shownEndpoint(destination);
    return {
      source: job.sources[i],
      path: entry ? `${shown.replace(/\/+$/, "")}/${entry.destination}` : shown,
      tree: entry === undefined,
    };
  }));
  const first = merges.indexOf(true);
  if (first >= 0 && "remote" in pairs[first].destination) {
    throw usageError(
      `Cannot merge several sources in "${printablePath(job.destination!)}": it is at a daemon`,
      "Copy them one after the other, or leave the slash at their ends away.",
    );
  }
  return pairs.map((pair, i) => ({ ...pair, merges: merges[i] }));
}

async function placeSource(
  job: Job,
  argument: string,
  destination: Endpoint,
  target: number | undefined,
  locate: Locate,
): Promise<EndpointPair> {
  const source = endpointOf(argument);
  const contents = endsWithSlash(argument) || baseOf(source) === "";
  const kind = await kindOf(source, locate, contents);
  if (kind === undefined) {
    throw new BlitError("failed", `Cannot find the source "${printablePath(argument)}": no such file or directory`);
  }
  const name = baseOf(source);
  if (kind === Kind.Directory) {
    if (target !== undefined && target !== Kind.Directory) {
      throw new BlitError(
        "failed",
        `Cannot copy the directory "${printablePath(argument)}" to "${printablePath(job.destination!)}": ` +
          "that is not a directory",
      );
    }
    const nests = !contents;
    return {
      source,
      destination: nests ? below(destination, name) : destination,
      filterPrefix: nests && job.filter.filesFrom === undefined ? `${name}/` : "",
      removeRoot: !contents,
    };
  }
  if (contents) {
    throw usageError(
      `Cannot use "${printablePath(argument)}": it is not a directory`,
      "Leave the slash at its end away.",
    );
  }
  refuseSpecialSource(job.verb, argument, kind, "local" in source ? source.local : undefined);
  const inside = target === Kind.Directory || endsWithSlash(job.destination!) || baseOf(destination) === "" ||
    job.sources.length > 1;
  const place = inside ? below(destination, name) : destination;
  refuseKeptName(job.verb, argument, shownEndpoint(place));
  const there = inside && target !== undefined ? await kindOf(place, locate, false) : target;
  refuseSpecialDestination(job.verb, shownEndpoint(place), there, "local" in place ? place.local : undefined);
  return {
    source: above(source),
    destination: inside ? destination : above(destination),
    entry: { source: name, destination: inside ? name : baseOf(destination) },
    filterPrefix: "",
    removeRoot: false,
  };
}

export function endpointOf(argument: string): Endpoint {
  const remote = parseRemote(argument);
  if (remote === undefined) return { local: argument.replace(/(?<=[^/])\/+$/, "") };
  if (remote.module === "") {
    throw usageError(`Cannot use "${printablePath(argument)}": it names no module`, "Write host:/module/path.");
  }
  return { remote };
}

async function kindOf(endpoint: Endpoint, locate: Locate, follow: boolean): Promise<number | undefined> {
  return "remote" in endpoint ? await locate(endpoint.remote) : pathFacts(endpoint.local, follow)?.kind;
}

/** "" where there is none: the root of a module or of the file system, "." and "..". */
function baseOf(endpoint: Endpoint): string {
  const path = "remote" in endpoint ? endpoint.remote.path : endpoint.local;
  const name = path.replace(/^.*\//s, "");
  return name === "." || name === ".." ? "" : name;
}

function below(endpoint: Endpoint, name: string): Endpoint {
  if (!("remote" in endpoint)) return { local: `${endpoint.local.replace(/\/+$/, "")}/${name}` };
  const { path } = endpoint.remote;
  return { remote: { ...endpoint.remote, path: path === "" ? name : `${path}/${name}` } };
}

function above(endpoint: Endpoint): Endpoint {
  if (!("remote" in endpoint)) {
    const at = endpoint.local.lastIndexOf("/");
    return { local: at < 0 ? "." : at === 0 ? "/" : endpoint.local.slice(0, at) };
  }
  const { path } = endpoint.remote;
  return { remote: { ...endpoint.remote, path: path.slice(0, Math.max(path.lastIndexOf("/"), 0)) } };
}

function endsWithSlash(path: string): boolean {
  return path.endsWith("/");
}

export function shownEndpoint(endpoint: Endpoint): string {
  return "remote" in endpoint ? formatRemote(endpoint.remote) : endpoint.local;
}
