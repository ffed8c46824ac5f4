/**
 * A tree beneath a module, depth first. One directory is open at a time, and only while it is being listed; memory holds the names of
 * the subdirectories still to be entered. No symlink is followed, nothing is sorted. A directory that cannot be listed is a step, not
 * an error.
 */

import { pathFromBytes } from "../base/path_bytes.ts";
import { Kind } from "../model/entry.ts";
import { type EntryError, listBeneath, type Listed, reasonOf } from "../native/beneath.ts";
import { joinPath } from "./place.ts";

/** Directories are relative to where the walk began, "" is that place; its depth is 0. */
export type WalkStep =
  /** Entries of a directory, directories among them, before any of those is entered. */
  | { readonly is: "entries"; readonly directory: string; readonly depth: number; readonly entries: readonly Listed[] }
  /** It could not be listed (to the end). */
  | { readonly is: "failed"; readonly directory: string; readonly reason: EntryError }
  /** Everything in it has been walked. */
  | { readonly is: "left"; readonly directory: string; readonly depth: number };

interface Frame {
  readonly directory: string;
  readonly waiting: string[];
}

/** `depthMax`: directories deeper than this are not entered. Throws the reason of `signal` when that is aborted. */
export async function* walkBeneath(
  root: string,
  start: string,
  signal: AbortSignal,
  depthMax = Infinity,
): AsyncGenerator<WalkStep, void, void> {
  const frames: Frame[] = [];
  let next: string | undefined = "";
  while (next !== undefined) {
    const directory: string = next;
    const depth = frames.length;
    const waiting: string[] = [];
    try {
      for await (const entries of listBeneath(root, joinPath(start, directory))) {
        signal.throwIfAborted();
        if (depth < depthMax) waiting.push(...entries.filter(isDirectory).map(({ name }) => pathFromBytes(name)));
        yield { is: "entries", directory, depth, entries };
      }
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      yield { is: "failed", directory, reason };
    }
    frames.push({ directory, waiting: waiting.reverse() });
    next = undefined;
    while (next === undefined && frames.length > 0) {
      const top = frames.at(-1)!;
      const name = top.waiting.pop();
      if (name !== undefined) {
        next = joinPath(top.directory, name);
      } else {
        frames.pop();
        yield { is: "left", directory: top.directory, depth: frames.length };
      }
    }
    signal.throwIfAborted();
  }
}

function isDirectory(entry: Listed): boolean {
  return entry.kind === Kind.Directory;
}
