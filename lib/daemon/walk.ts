/**
 * A tree beneath a module, depth first, at a cost for each directory that does not grow with its depth. A few descriptors are open at a
 * time; memory holds the names of the subdirectories still to be entered. No symlink is followed, nothing is sorted. A directory that
 * cannot be listed is a step, not an error; nor is one whose path has more bytes than a path of the protocol.
 */

import { Kind } from "../model/entry.ts";
import { BeneathWalk, type EntryError, type Listed, reasonOf } from "../native/beneath.ts";
import { pathFromBytes } from "../base/path_bytes.ts";
import { PATH_BYTES_MAX } from "../wire/names.ts";
import { joinPath } from "./place.ts";

/** Directories are relative to where the walk began, "" is that place; its depth is 0. */
export type WalkStep =
  /** Entries of a directory, directories among them, before any of those is entered. */
  | { readonly is: "entries"; readonly directory: string; readonly depth: number; readonly entries: readonly Listed[] }
  /** It could not be listed (to the end). */
  | { readonly is: "failed"; readonly directory: string; readonly reason: EntryError }
  /** Everything in it has been walked. `name`: in the directory above it. */
  | { readonly is: "left"; readonly directory: string; readonly name: Uint8Array; readonly depth: number };

interface Frame {
  readonly directory: string;
  readonly bytes: number;
  readonly name: Uint8Array;
  readonly waiting: Uint8Array[];
}

const tooLong: EntryError = { code: "ENAMETOOLONG", words: "file name too long" };

export class TreeWalk implements Disposable {
  readonly #way: BeneathWalk;
  readonly #startBytes: number;

  constructor(root: string, start: string, private readonly signal: AbortSignal) {
    this.#way = new BeneathWalk(root, start);
    this.#startBytes = start.length;
  }

  /** `depthMax`: directories deeper than this are not entered. Throws the reason of the signal when that is aborted. */
  async *steps(depthMax = Infinity): AsyncGenerator<WalkStep, void, void> {
    const frames: Frame[] = [];
    let next: Frame | undefined = { directory: "", bytes: this.#startBytes, name: new Uint8Array(), waiting: [] };
    while (next !== undefined) {
      const frame: Frame = next;
      const { directory, waiting } = frame;
      const depth = frames.length;
      try {
        if (frame.bytes > PATH_BYTES_MAX) yield { is: "failed", directory, reason: tooLong };
        else {
          for await (const entries of this.#way.list(Math.max(depth - 1, 0), frame.name)) {
            this.signal.throwIfAborted();
            // A copy: the names would keep everything in memory that was listed with them.
            if (depth < depthMax) waiting.push(...entries.filter(isDirectory).map(({ name }) => name.slice()));
            yield { is: "entries", directory, depth, entries };
          }
        }
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === undefined) throw error;
        yield { is: "failed", directory, reason };
      }
      waiting.reverse();
      frames.push(frame);
      next = undefined;
      while (next === undefined && frames.length > 0) {
        const top = frames.at(-1)!;
        const name = top.waiting.pop();
        if (name !== undefined) {
          const bytes = top.bytes + 1 + name.length;
          next = { directory: joinPath(top.directory, pathFromBytes(name)), bytes, name, waiting: [] };
        } else {
          frames.pop();
          yield { is: "left", directory: top.directory, name: top.name, depth: frames.length };
        }
      }
      this.signal.throwIfAborted();
    }
  }

  /** Removes entries of the directory of that depth, on the way to that of the last step. As `removeBeneath`. */
  remove(
    depth: number,
    names: readonly Uint8Array[],
    kind: "directories" | "others",
  ): Promise<(EntryError | undefined)[]> {
    return this.#way.remove(depth, names, kind);
  }

  [Symbol.dispose](): void {
    this.#way[Symbol.dispose]();
  }
}

function isDirectory(entry: Listed): boolean {
  return entry.kind === Kind.Directory;
}
