/**
 * Listings: reads a directory on one or both sides, compares, makes an entry batch.
 *
 * The destination's names are read first; every source name is then looked up among them, and non-directories that both sides
 * have are compared, so that only what differs is answered (unless everything is asked for). What is left only the destination
 * has. One answer handles a few thousand names.
 */

import { Diff, Kind } from "../model/entry.ts";
import type { ListAnswer, ListRequest } from "./engine.ts";
import { RowBatch } from "./portable_batch.ts";
import type { Row } from "./portable_batch.ts";
import type { Context } from "./portable_context.ts";
import type { Directory, Pinned } from "./portable_dirs.ts";
import { openDestination, openSource } from "./portable_enter.ts";
import { codeOf, during, type EntryError, entryError, nameError, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsAt, factsIfAny } from "./portable_facts.ts";
import { joinFolded, twinsOf } from "./portable_fold.ts";
import { type Listing, type Name, readNames, readNamesAndKinds } from "./portable_listing.ts";
import { entryDiff, metadataDiff } from "./portable_meta.ts";
import { removeStale } from "./portable_temp.ts";
import { isPartName, isTempName } from "./temp_name.ts";

const NAMES_PER_ANSWER = 4096;
/** Entries of one directory that are looked at at the same time. */
const LOOKS_AT_ONCE = 32;

/** One answer in the making. */
interface Work {
  readonly context: Context;
  readonly request: ListRequest;
  readonly source?: Pinned;
  readonly destination?: Pinned;
  readonly rows: Row[];
  readonly extras: Row[];
  unchanged: number;
  unchangedBytes: number;
  stale: number;
}

/** Does not reject: what fails is in the answer. */
export async function listDirectory(
  context: Context,
  request: ListRequest,
  directory: Directory,
): Promise<ListAnswer> {
  try {
    return await list(context, request, directory);
  } catch (thrown) {
    directory.listing = undefined;
    const { error, step } = entryError(Step.ListSource, thrown);
    return { error, lost: 0, more: false, failedSide: step === Step.ListSource ? "source" : "destination" };
  }
}

async function list(context: Context, request: ListRequest, directory: Directory): Promise<ListAnswer> {
  using source = request.onSource ? await openSource(context, request, directory) : undefined;
  using destination = await openDestination(context, request, directory);
  const work: Work = {
    context,
    request,
    source,
    destination,
    rows: [],
    extras: [],
    unchanged: 0,
    unchangedBytes: 0,
    stale: 0,
  };
  let dirDiff = 0;
  if (request.named) {
    await addNamed(work, request.named);
  } else {
    if (!request.more) {
      directory.listing = await begin(work, directory);
      dirDiff = await compareDirectory(work);
    }
    await addSource(work, directory.listing!);
    await addExtras(work, directory.listing!, directory.keeps);
  }
  const more = directory.listing !== undefined && !isFinished(directory.listing);
  if (!more) directory.listing = undefined;
  const { rows, extras, unchanged, unchangedBytes, stale } = work;
  const nothing = rows.length + extras.length + unchanged + stale + dirDiff === 0 && !more;
  const batch = nothing ? undefined : new RowBatch(rows, extras, { unchanged, unchangedBytes, stale, dirDiff });
  return { lost: 0, batch, more, crossing: directory.leftOut && !request.more ? "left_out" : undefined };
}

async function begin({ context, request, source, destination }: Work, directory: Directory): Promise<Listing> {
  // Freshly made: nothing can be in it, so there is nothing to read.
  const there = destination && !request.make && !directory.leftOut
    ? await during(Step.ListDestination, readNamesAndKinds(destination.prefix))
    : [];
  const names = source && !directory.leftOut ? await during(Step.ListSource, readNames(source.prefix)) : [];
  const known = new Map(there.filter(({ unusable }) => !unusable).map((each) => [each.name, each]));
  if (source && destination) await joinFolded(context, destination.prefix, names, known);
  return {
    source: names,
    twins: twinsOf(names),
    sourceAt: 0,
    destination: known,
    unreachable: there.filter(({ unusable }) => unusable),
    extraAt: 0,
  };
}

function isFinished({ source, sourceAt, extras, extraAt }: Listing): boolean {
  return sourceAt === source.length && extras !== undefined && extraAt === extras.length;
}

async function compareDirectory({ context, request, source, destination }: Work): Promise<number> {
  if (!source || !destination || request.make) return 0;
  const [from, to] = await Promise.all([factsIfAny(`${source.prefix}.`), factsIfAny(`${destination.prefix}.`)]);
  return from && to ? metadataDiff(context, from, to) : 0;
}

// --- entries of the source ---

async function addSource(work: Work, listing: Listing): Promise<void> {
  const end = Math.min(listing.sourceAt + NAMES_PER_ANSWER, listing.source.length);
  while (listing.sourceAt < end) {
    work.context.goOn(Step.ListSource);
    const names = listing.source.slice(listing.sourceAt, Math.min(listing.sourceAt + LOOKS_AT_ONCE, end));
    listing.sourceAt += names.length;
    const looked = await Promise.all(names.map((name) => {
      const there = name.unusable ? undefined : listing.destination.get(name.name);
      if (there) listing.destination.delete(name.name);
      return lookAt(work, name, name.name, there?.kind ?? Kind.None, listing.twins.has(name.name));
    }));
    for (const each of looked) add(work, each);
  }
}

/** A row, or the facts of an entry that needs none since both sides are equal. */
type Looked = Row | { readonly unchanged: Facts };

function add(work: Work, looked: Looked | undefined): void {
  if (!looked) return;
  if (!("unchanged" in looked)) return void work.rows.push(looked);
  work.unchanged++;
  if (looked.unchanged.kind === Kind.File) work.unchangedBytes += looked.unchanged.size;
}

/** @returns undefined where the name is gone already. */
async function lookAt(
  { context, request, source, destination }: Work,
  { name, kind, unusable }: Name,
  destinationName: string,
  destinationKind: number,
  twin = false,
): Promise<Looked | undefined> {
  const row = { name, destinationName, destinationKind, kind, twin, diff: 0 };
  if (unusable) return { ...row, broken: nameError(Step.ListSource) };
  const kept = !context.config.discard && isTempName(destinationName);
  if (kept && kind !== Kind.Directory) return { ...row, broken: ownError(Own.KeptName, Step.ListSource) };
  if (!comparable(row) && kind !== Kind.None && !request.stat) return withKindDiff(row);
  const path = source!.prefix + name;
  let facts: Facts;
  try {
    facts = await factsAt(path);
  } catch (thrown) {
    if (kind === Kind.None && codeOf(thrown) === "ENOENT") return undefined;
    return { ...row, broken: entryError(Step.ListSource, thrown) };
  }
  const known = { ...row, kind: facts.kind, facts };
  if (!comparable(known)) return withKindDiff(known);
  const destinationPath = destination!.prefix + destinationName;
  const there = await factsIfAny(destinationPath);
  if (!there) return { ...known, destinationKind: Kind.None };
  const diff = await entryDiff(context, facts, path, there, destinationPath);
  if (diff === 0 && !request.all) return { unchanged: facts };
  // The source's one name needs no inode; whether the destination's are one does.
  const inode = diff & Diff.DestinationLinked ? there.inode : facts.inode;
  const several = diff & Diff.DestinationLinked || (facts.kind === Kind.File && facts.nlink > 1 && there.nlink > 1);
  const destinationInode = several ? there.inode : undefined;
  return { ...known, facts: { ...facts, inode }, destinationInode, destinationKind: there.kind, diff };
}

function comparable({ kind, destinationKind }: Row): boolean {
  return destinationKind !== Kind.None && kind !== Kind.Directory && destinationKind !== Kind.Directory;
}

function withKindDiff(row: Row): Row {
  const differs = row.destinationKind !== Kind.None && row.destinationKind !== row.kind;
  return differs ? { ...row, diff: Diff.Kind } : row;
}

// --- what only the destination has ---

/** Temporary files of dead runs go at once: they are ours, not the user's. Parts are left to runs that can use them. */
async function addExtras(work: Work, listing: Listing, keeps: boolean): Promise<void> {
  if (listing.sourceAt < listing.source.length) return;
  const { context, destination } = work;
  listing.extras ??= [...listing.destination.values(), ...listing.unreachable];
  const end = Math.min(listing.extraAt + NAMES_PER_ANSWER, listing.extras.length);
  for (; listing.extraAt < end; listing.extraAt++) {
    const { name, kind, unusable } = listing.extras[listing.extraAt];
    if (kind !== Kind.Directory && isPartName(name)) {
      if (work.source) continue;
    } else if (kind !== Kind.Directory && isTempName(name)) {
      if (!context.config.readOnly && await removeStale(context, destination!.prefix, name)) work.stale++;
      continue;
    }
    if (keeps) continue;
    const broken = unusable ? nameError(Step.Remove) : undefined;
    work.extras.push({ name, destinationName: name, kind, destinationKind: kind, diff: 0, broken });
  }
}

// --- one named entry ---

async function addNamed(work: Work, named: { readonly source: string; readonly destination: string }): Promise<void> {
  const { context, source, destination } = work;
  const broken = brokenName(named);
  if (broken) throw broken;
  const facts = await during(Step.ListSource, factsAt(source!.prefix + named.source));
  const there = destination && await factsIfAny(destination.prefix + named.destination);
  const name = { name: named.source, kind: facts.kind, unusable: false };
  add(work, await lookAt(work, name, named.destination, there?.kind ?? Kind.None));
  if (!destination || context.config.readOnly) return;
  for (const beside of await during(Step.ListDestination, readNames(destination.prefix))) {
    if (
      isTempName(beside.name) && !isPartName(beside.name) && await removeStale(context, destination.prefix, beside.name)
    ) work.stale++;
  }
}

function brokenName(named: { readonly source: string; readonly destination: string }): EntryError | undefined {
  if (!named.source.isWellFormed()) return nameError(Step.ListSource);
  return named.destination.isWellFormed() ? undefined : nameError(Step.Create);
}
