/**
 * Large files: `open` hands out a handle, `range` copies a slice of it on any lane, `finish` puts it in place or gives it up.
 * Always through a temporary name.
 */

import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, rename } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import type { Answer, LargeAnswer } from "./engine.ts";
import { replaceEntry } from "./portable_backup.ts";
import type { Row } from "./portable_batch.ts";
import { compareWithOpened, copyData, isSparse, openSource, sizeIsFalse } from "./portable_content.ts";
import type { Context } from "./portable_context.ts";
import { flush } from "./portable_copy.ts";
import { type Directory, Side } from "./portable_dirs.ts";
import { codeOf, during, entryError, Own, ownError, Step } from "./portable_error.ts";
import { type Facts, factsOfOpen } from "./portable_facts.ts";
import { refuseFolded } from "./portable_fold.ts";
import { applyMetadata, createMode } from "./portable_meta.ts";
import type { Lane } from "./portable_queue.ts";
import { removeRest, removeSource } from "./portable_remove.ts";
import { createTemp, type TempFile } from "./portable_temp.ts";

interface Large {
  readonly directory: Directory;
  readonly row: Row;
  readonly facts: Facts;
  readonly source: FileHandle;
  /** Missing with `discard`. */
  readonly temp?: TempFile;
}

export class LargeFiles {
  readonly #open = new Map<bigint, Large>();
  #next = 1n;

  constructor(private readonly context: Context) {}

  /** Does not reject, as the others. */
  async open(directory: Directory, row: Row): Promise<LargeAnswer> {
    let size = 0;
    try {
      if (row.broken) throw row.broken;
      using from = await during(Step.OpenSource, this.context.directories.pin(directory, Side.Source));
      const source = await openSource(from.prefix + row.name);
      try {
        const facts = await during(Step.OpenSource, factsOfOpen(source));
        size = facts.size;
        if (facts.kind !== Kind.File) throw ownError(Own.Changed, Step.OpenSource);
        if (await sizeIsFalse(source, facts)) throw ownError(Own.Endless, Step.Read);
        const temp = this.context.config.discard ? undefined : await this.#create(directory, facts);
        const handle = this.#next++;
        this.#open.set(handle, { directory, row, facts, source, temp });
        return { handle, size, lost: 0 };
      } catch (thrown) {
        await source.close();
        throw thrown;
      }
    } catch (thrown) {
      return { error: entryError(Step.OpenSource, thrown).error, size, lost: 0 };
    }
  }

  async #create(directory: Directory, facts: Facts): Promise<TempFile> {
    using to = await during(Step.Create, this.context.directories.pin(directory, Side.Destination));
    const temp = await during(Step.Create, createTemp(this.context, to.prefix, createMode(this.context, facts)));
    try {
      await during(Step.Write, temp.file.truncate(facts.size));
      return temp;
    } catch (thrown) {
      await removeRest(temp.path);
      await temp[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async range(lane: Lane, handle: bigint, offset: number, length: number): Promise<Answer> {
    const { source, temp, facts } = this.#get(handle);
    try {
      const stream = { context: this.context, lane, source, destination: temp?.file };
      const content = await copyData(stream, offset, length, isSparse(facts));
      if (content !== "whole") throw ownError(Own.Changed, Step.Read);
      return { lost: 0 };
    } catch (thrown) {
      return { error: entryError(Step.Read, thrown).error, lost: 0 };
    }
  }

  async finish(lane: Lane, handle: bigint, commit: boolean): Promise<Answer> {
    const large = this.#get(handle);
    this.#open.delete(handle);
    try {
      return { lost: commit ? await this.#settle(lane, large) : await this.#giveUp(large) };
    } catch (thrown) {
      return { error: entryError(Step.Rename, thrown).error, lost: 0 };
    } finally {
      await close(large);
    }
  }

  async #settle(lane: Lane, large: Large): Promise<number> {
    const { context } = this;
    const { directory, row, facts, source, temp } = large;
    let lost = 0;
    try {
      const content = await compareWithOpened(source, facts);
      if (content === "changed") throw ownError(Own.Changed, Step.Read);
      if (temp) {
        lost = await applyMetadata(context, context.through(temp.file.fd, temp.path), facts);
        await flush(context, temp.file);
        using to = await during(Step.Rename, context.directories.pin(directory, Side.Destination));
        const path = to.prefix + temp.name;
        if (row.destinationKind === Kind.None) await placeFresh(to.prefix, path, row);
        else await replaceEntry(context, lane, directory, to.prefix, path, row.destinationName);
      }
      // What it held at first is in place.
      if (content === "grew" && temp) throw ownError(Own.Grew, Step.Read);
    } catch (thrown) {
      await this.#giveUp(large);
      throw thrown;
    }
    // The other names of a linked source must still be seen to be linked.
    if (context.config.move && facts.nlink === 1) {
      using from = await during(Step.RemoveSource, context.directories.pin(directory, Side.Source));
      using to = temp && await during(Step.RemoveSource, context.directories.pin(directory, Side.Destination));
      const copy = to && to.prefix + row.destinationName;
      await removeSource(context, directory, from.prefix + row.name, facts, copy);
    }
    context.countFile(facts.size);
    return lost;
  }

  /** Leaves no trace; nothing is there any more where it is in place already. */
  async #giveUp({ directory, temp }: Large): Promise<number> {
    if (!temp) return 0;
    using to = await during(Step.Remove, this.context.directories.pin(directory, Side.Destination));
    await removeRest(to.prefix + temp.name);
    return 0;
  }

  async giveUpAll(): Promise<void> {
    for (const large of this.#open.values()) {
      await this.#giveUp(large).catch(() => {});
      await close(large);
    }
    this.#open.clear();
  }

  #get(handle: bigint): Large {
    const large = this.#open.get(handle);
    if (!large) throw new RangeError(`No large file has handle ${handle}`);
    return large;
  }
}

/**
 * Gives a file a name that the destination did not have, and takes the name first, so that no other file of this run can. What has come
 * there meanwhile is replaced, unless it is another entry's. Raises EntryError.
 */
async function placeFresh(prefix: string, temp: string, { destinationName, twin }: Row): Promise<void> {
  const path = prefix + destinationName;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let claimed = true;
  try {
    await (await open(path, flags, 0o600)).close();
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw entryError(Step.Create, thrown);
    await refuseFolded(prefix, destinationName, twin ?? false, Step.Rename);
    claimed = false;
  }
  try {
    await rename(temp, path);
  } catch (thrown) {
    if (claimed) await removeRest(path);
    throw codeOf(thrown) === "EISDIR" ? ownError(Own.BusyKind, Step.Rename) : entryError(Step.Rename, thrown);
  }
}

async function close({ source, temp }: Large): Promise<void> {
  await source.close();
  await temp?.[Symbol.asyncDispose]();
}
