/**
 * Says whether what a run left behind is what it may leave behind. Two verdicts: after a run without a fault everything is as the model
 * says; after one with a fault nothing is lost, nothing is half, and the exit code and the failures tell the truth.
 */

import type { SnapshotEntry } from "../support/snapshot.ts";
import { type Expected, holds, metadataDiffers, parentOf, type Tree } from "./oracle.ts";
import type { FaultSpec, JobSpec } from "./scenario.ts";

/** All that a run can touch, and what must stay as it is. */
export interface World {
  readonly source: Tree;
  readonly destination: Tree;
  readonly backup: Tree;
  /** Unfinished files in the destination of runs that ended early; they are not in its tree. */
  readonly leftovers: readonly string[];
  /** Everything else beside the roots. */
  readonly outside: Tree;
}

export interface Report {
  readonly code: number;
  /** Percent-encoded paths, with codes. */
  readonly failures: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  readonly notices: readonly string[];
  /** "change kind path", sorted. */
  readonly changes: readonly string[];
  /** The job broke off. */
  readonly error?: string;
}

/** One line for each thing that is wrong. */
export type Complaints = string[];

export function judgeExact(job: JobSpec, before: World, after: World, expected: Expected, report: Report): Complaints {
  const found = always(job, before, after);
  const reads = job.verb === "check";
  if (expected.refused) return [...found, ...refusedTouched(before, after, report)];
  if (!reads) {
    found.push(...destinationDiffers(before, after, expected, job), ...linksDiffer(job, before, after, expected));
  } else found.push(...touched("the destination", before.destination, after.destination));
  for (const path of before.source.keys()) {
    const stays = !expected.moved.has(path);
    if (stays !== after.source.has(path)) found.push(`source ${path} ${stays ? "is gone" : "is still there"}`);
  }
  const named = new Set(report.failures.map(({ path }) => path));
  for (const path of expected.failures) if (!named.has(path)) found.push(`no failure names ${path}`);
  // What is listed below a directory that cannot be made is named, too.
  const isFailure = (path: string): boolean =>
    expected.failures.has(path) || (job.list !== undefined && path !== "." && isFailure(parentOf(path)));
  for (const path of named) if (!isFailure(path)) found.push(`a failure names ${path}`);
  const code = expected.failures.size > 0 || (reads && expected.differs) ? 2 : 0;
  if (report.code !== code) found.push(`exit code ${report.code}, not ${code}`);
  if (!reads) found.push(...backupLacks(job, before, after, expected));
  // Where no directory of the source leads any more, nobody comes by.
  const isVisited = (path: string) => expected.places.has(path) || path === ".";
  // With --resume what was received of a large file stays for a run that needs it.
  const stays = (path: string) => job.resume && path.endsWith(".part");
  const leftovers = after.leftovers.filter((path) => isVisited(parentOf(path)) && !stays(path));
  found.push(...leftovers.map((path) => `${path} was left`));
  return found;
}

export interface Injected {
  readonly fault: FaultSpec;
  /** It has struck. */
  readonly met: boolean;
  /** The process died at that moment. */
  readonly killed?: boolean;
}

export function judgeFaulty(
  job: JobSpec,
  before: World,
  after: World,
  expected: Expected,
  report: Report,
  { fault, met, killed }: Injected,
): Complaints {
  const found = always(job, before, after);
  if (expected.refused) return [...found, ...refusedTouched(before, after, report)];
  if (job.verb === "check") return [...found, ...touched("the destination", before.destination, after.destination)];
  if (!killed && (!met || report.code === 0) && !lostMetadata(report)) {
    // A call that is refused once only may be the one that puts a directory's time back after a file in it was asked for.
    const once = met && fault.class === "meta" && fault.times === 1;
    const differs = destinationDiffers(before, after, expected, job);
    found.push(...differs.filter((line) => !once || !line.includes("other metadata")));
  }
  found.push(...torn(before, after, expected, killed ?? false));
  // Only where a connection broke may a run begin anew, and nothing keeps the other side waiting.
  const stop = fault.class === "net" ? /no progress/ : /no progress|trying again/;
  const stopped = [...report.notices, report.error ?? ""].filter((text) => stop.test(text));
  found.push(...stopped.map((text) => `the run came to a stop: ${text}`));
  // A directory that takes another entry's place is read before anything is deleted, and once more when it is made.
  const readTwice = [...expected.places.keys()].some((path) =>
    before.source.get(path)?.type === "d" && (before.destination.get(path)?.type ?? "d") !== "d"
  );
  if (met && fault.side === "source" && fault.class === "list" && !readTwice) {
    for (const path of vanished(before, after)) {
      found.push(`${path} was deleted although the source could not be listed`);
    }
  }
  if (!killed) found.push(...dishonest(before, after, expected, report));
  return found;
}

function refusedTouched(before: World, after: World, { code }: Report): Complaints {
  const found = touched("the destination", before.destination, after.destination);
  return code === 64 ? found : [...found, `exit code ${code} of wrong usage`];
}

/** Holds whatever happens: a source byte is somewhere, a byte of the destination vanishes only where it may, nothing else changes. */
function always(job: JobSpec, before: World, after: World): Complaints {
  const found = touched("outside the roots", before.outside, after.outside);
  if (job.verb !== "move") found.push(...touched("the source", before.source, after.source));
  for (const [path, entry] of before.source) {
    if (after.source.has(path)) {
      if (!holds(after.source.get(path), entry)) found.push(`source ${path} was changed`);
    } else if (entry.type !== "d" && !holds(after.destination.get(path), entry)) {
      found.push(`source ${path} is gone and the destination does not hold it`);
    } else if (entry.type === "d" && after.destination.get(path)?.type !== "d") {
      found.push(`source directory ${path} is gone and the destination has none`);
    }
  }
  return found;
}

export function touched(what: string, before: Tree, after: Tree): Complaints {
  const found: Complaints = [];
  for (const [path, entry] of before) {
    const now = after.get(path);
    if (now === undefined) found.push(`${what}: ${path} is gone`);
    else if (!holds(now, entry) || metadataDiffers(now, entry) || now.inode !== entry.inode) {
      found.push(`${what}: ${path} was touched`);
    }
  }
  for (const path of after.keys()) if (!before.has(path)) found.push(`${what}: ${path} is new`);
  return found;
}

function destinationDiffers(before: World, after: World, expected: Expected, job: JobSpec): Complaints {
  const found: Complaints = [];
  for (const [path, { content, metadata }] of expected.destination) {
    const now = after.destination.get(path);
    if (now === undefined) found.push(`${path} is missing`);
    else if (!content.some((each) => holds(now, each))) found.push(`${path} holds something else`);
    else if (metadataDiffers(now, metadata) && !mayFollow(path, before, expected, job)) {
      found.push(`${path} has other metadata: ${shown(now)}, not ${shown(metadata)}`);
    }
  }
  for (const path of after.destination.keys()) {
    if (!expected.destination.has(path)) {
      found.push(before.destination.has(path) ? `${path} was not deleted` : `${path} came from nowhere`);
    }
  }
  return found;
}

/**
 * Whether the metadata of an entry that takes no part may change: that of a directory where entries come and go; and that of a
 * further name of a file whose source has further names, too.
 */
function mayFollow(path: string, before: World, expected: Expected, job: JobSpec): boolean {
  if (path === ".") return job.form !== "contents";
  const stays = !expected.places.has(path) || expected.failures.has(path);
  if (stays && [...expected.deleted].some((each) => parentOf(each) === path)) return true;
  const inode = before.destination.get(path)?.inode;
  return !expected.places.has(path) &&
    [...expected.places.keys()].some((each) =>
      before.destination.get(each)?.inode === inode && (before.source.get(each)?.links ?? 0) > 1
    );
}

/** Two copied names share an inode exactly where their sources do. */
function linksDiffer(job: JobSpec, before: World, after: World, expected: Expected): Complaints {
  const copied = [...expected.places.keys()].filter((path) =>
    before.source.get(path)?.type === "f" && !expected.failures.has(path) &&
    !(job.ignoreExisting && before.destination.has(path))
  );
  const found: Complaints = [];
  for (const [i, one] of copied.entries()) {
    for (const other of copied.slice(i + 1)) {
      const [linked, should] = [after.destination, before.source].map((tree) =>
        tree.get(one)?.inode === tree.get(other)?.inode
      );
      if (linked !== should) found.push(`${one} and ${other} ${should ? "are no longer" : "have become"} one file`);
    }
  }
  return found;
}

/** What stood in the destination is there, or is what shall stand there, whole; what is new is whole or does not look finished. */
function torn(before: World, after: World, expected: Expected, killed: boolean): Complaints {
  const found: Complaints = [];
  for (const [path, old] of before.destination) {
    const now = after.destination.get(path);
    const wanted = expected.destination.get(path)?.content ?? [];
    if (now !== undefined ? holds(now, old) || wanted.some((each) => holds(now, each)) : expected.deleted.has(path)) {
      continue;
    }
    if (now === undefined && old.type !== "f" && wanted.length > 0 && wanted[0].type !== old.type) continue;
    found.push(now === undefined ? `${path} has vanished` : `${path} is neither old nor new`);
  }
  for (const [path, now] of after.destination) {
    if (before.destination.has(path)) continue;
    const wanted = expected.destination.get(path);
    if (wanted === undefined) found.push(`${path} came from nowhere`);
    else if (!wanted.content.some((each) => holds(now, each)) && !(killed && looksUnfinished(now, wanted.metadata))) {
      found.push(`${path} is half`);
    }
  }
  return found;
}

function looksUnfinished(now: SnapshotEntry, finished: SnapshotEntry): boolean {
  return now.type === finished.type && !(now.size === finished.size && now.mtimeNs === finished.mtimeNs);
}

function vanished(before: World, after: World): string[] {
  return [...before.destination.keys()].filter((path) => !after.destination.has(path));
}

/** What is not as it should be is named by a failure: itself, something above it, or the whole job. */
function dishonest(before: World, after: World, expected: Expected, report: Report): Complaints {
  if (report.error !== undefined) return report.code === 1 ? [] : [`exit code ${report.code} of a job that broke off`];
  const found: Complaints = [];
  if (report.code === 0 && report.failures.length > 0) found.push("exit code 0 with failures");
  if (report.code === 2 && report.failures.length === 0) found.push("exit code 2 without failures");
  const named = new Set(report.failures.map(({ path }) => path));
  const isNamed = (path: string): boolean => named.has(path) || (path !== "." && isNamed(parentOf(path)));
  for (const [path, { content }] of expected.destination) {
    const now = after.destination.get(path);
    const right = now !== undefined && content.some((each) => holds(now, each));
    if (!right && !isNamed(path) && !named.has(".")) found.push(`nothing says that ${path} is not as it should be`);
  }
  for (const path of expected.deleted) {
    const stays = after.destination.has(path) && !expected.destination.has(path);
    if (stays && report.code === 0) found.push(`exit code 0, but ${path} was not deleted`);
  }
  for (const path of before.source.keys()) {
    const stays = path !== "." && expected.moved.has(path) && after.source.has(path);
    if (stays && report.code === 0) found.push(`exit code 0, but ${path} was not moved`);
  }
  return found;
}

/** What is gone from the destination is below the backup directory. */
function backupLacks(job: JobSpec, before: World, after: World, expected: Expected): Complaints {
  if (!job.backup) return [];
  const gone = [...expected.deleted, ...expected.replaced].filter((path) => before.destination.get(path)?.type === "f");
  return gone.filter((path) => {
    const old = before.destination.get(path)!;
    return ![...after.backup.values()].some((entry) => holds(entry, old));
  }).map((path) => `the backup lacks ${path}`);
}

export function isTemporary(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".blit-"));
}

function lostMetadata({ notices }: Report): boolean {
  return notices.some((notice) => /cannot keep/.test(notice));
}

function shown({ mode, uid, gid, mtimeNs, attributes }: SnapshotEntry): string {
  return `${mode} ${uid}:${gid} ${mtimeNs} ${attributes}`;
}
