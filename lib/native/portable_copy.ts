/**
 * Copies one regular file.
 *
 * A file that did not exist is written straight under its name, its times last, so that an interrupted one never has its
 * source's time. One that is replaced is written beside it and renamed over it.
 */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import { replaceEntry } from "./portable_backup.ts";
import { type Content, copyContent, openSource } from "./portable_content.ts";
import type { Context } from "./portable_context.ts";
import type { Directory } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsOfOpen } from "./portable_facts.ts";
import { refuseFolded } from "./portable_fold.ts";
import { applyMetadata, createMode } from "./portable_meta.ts";
import type { Lane } from "./portable_queue.ts";
import { removeRest } from "./portable_remove.ts";
import { createTemp } from "./portable_temp.ts";

/** Where an entry stands on both sides. */
export interface Place {
  readonly directory: Directory;
  readonly sourcePath: string;
  /** Prefix of the destination's directory; nothing is to be written where it is missing. */
  readonly destination?: string;
  readonly destinationName: string;
  /** The source has another name that differs in case or spelling only. */
  readonly twin: boolean;
}

export interface Copied {
  /** `large`, `linked`: it was not copied, since it is to be done in another way. */
  readonly is: "done" | "large" | "linked";
  readonly facts: Facts;
  readonly lost: number;
}

/** Raises EntryError; then the destination is as before. */
export async function copyFile(
  context: Context,
  lane: Lane,
  place: Place,
  replace: boolean,
  takeLinked: boolean,
): Promise<Copied> {
  // A source that changes under our hands gets one more try.
  for (let last = false;; last = true) {
    const source = await openSource(place.sourcePath);
    try {
      const facts = await during(Step.OpenSource, factsOfOpen(source));
      if (facts.kind !== Kind.File) throw ownError(Own.Changed, Step.OpenSource);
      if (!takeLinked && facts.nlink > 1) return { is: "linked", facts, lost: 0 };
      if (facts.size >= context.config.largeBytes) return { is: "large", facts, lost: 0 };
      const { content, lost } = await copyOnce(context, lane, source, place, replace, facts, last);
      if (content === "whole") return { is: "done", facts, lost };
      if (last) throw ownError(content === "grew" ? Own.Grew : Own.Changed, Step.Read);
    } finally {
      await source.close();
    }
  }
}

interface Attempt {
  readonly content: Content;
  readonly lost: number;
}

async function copyOnce(
  context: Context,
  lane: Lane,
  source: FileHandle,
  place: Place,
  replace: boolean,
  facts: Facts,
  last: boolean,
): Promise<Attempt> {
  const { destination: prefix } = place;
  if (prefix === undefined) return { content: await copyContent({ context, lane, source }, facts), lost: 0 };
  await using target = await during(Step.Create, createTarget(context, place, prefix, replace, facts));
  try {
    const content = await copyContent({ context, lane, source, destination: target.file }, facts);
    // A log that is being written to: what it held when it was opened is whole. Its time is the one it had then, so the next
    // run copies it again.
    if (content !== "whole" && !(content === "grew" && last)) {
      await removeRest(target.path);
      return { content, lost: 0 };
    }
    return { content, lost: await settle(context, lane, place, target, facts) };
  } catch (thrown) {
    await removeRest(target.path);
    throw thrown;
  }
}

/** @returns lost bits. */
async function settle(context: Context, lane: Lane, place: Place, target: Target, facts: Facts): Promise<number> {
  const prefix = place.destination!;
  const lost = await applyMetadata(context, context.through(target.file.fd, target.path), facts);
  await flush(context, target.file);
  if (target.path !== prefix + place.destinationName) {
    await replaceEntry(context, lane, place.directory, prefix, target.path, place.destinationName);
  }
  return lost;
}

/** To the medium where that is asked for; where failed writes are told late, at least so far that they are. */
export async function flush(context: Context, file: FileHandle): Promise<void> {
  if (context.config.fsync) await during(Step.Sync, file.sync());
  else if (context.writesLate) await during(Step.Write, file.datasync());
}

interface Target extends AsyncDisposable {
  readonly path: string;
  readonly file: FileHandle;
}

/** A temporary one to replace with, or where somebody made the file meanwhile. */
async function createTarget(
  context: Context,
  { destinationName, twin }: Place,
  prefix: string,
  replace: boolean,
  facts: Facts,
): Promise<Target> {
  const path = prefix + destinationName;
  const mode = createMode(context, facts);
  if (replace) return await createTemp(context, prefix, mode);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    const file = await open(path, flags, mode);
    return { path, file, [Symbol.asyncDispose]: () => file.close() };
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw entryError(Step.Create, thrown);
    await refuseFolded(prefix, destinationName, twin, Step.Create);
    return await createTemp(context, prefix, mode);
  }
}
