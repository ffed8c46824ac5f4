/** Entries as messages, and messages of a bearable size. */

import { create } from "@bufbuild/protobuf";
import { pathToBytes } from "../base/path_bytes.ts";
import type { EntryError, Listed } from "../native/beneath.ts";
import { type Entry, EntrySchema, type Failure, FailureSchema } from "../wire/gen/blit/v1/entry_pb.ts";

/** `path` is relative to what the client asked for. EntryKind has the numbers of the shim's kinds. */
export function entryMessage(path: Uint8Array, listed: Listed): Entry {
  return create(EntrySchema, {
    path,
    kind: listed.kind,
    size: listed.size,
    modifiedSeconds: listed.mtimeSeconds,
    modifiedNanoseconds: listed.mtimeNanoseconds,
    mode: listed.mode,
    userId: listed.uid,
    groupId: listed.gid,
    links: listed.nlink,
    target: listed.target,
  });
}

export function failureMessage(path: string, action: string, reason: EntryError): Failure {
  return create(FailureSchema, {
    path: pathToBytes(path),
    code: reason.code,
    message: `Cannot ${action}: ${reason.words}`,
  });
}

/** A client that waits hears something that often, if only that there is nothing yet. */
const messageEveryMs = 500;
/** Far below the limit on messages, and enough to make the cost of one small. */
const messageBytesMax = 256 * 1024;

/** Collects what goes into one message. `take` it when it is `due`, and what is left at the end. */
export class MessageParts<T extends { readonly path: Uint8Array }> {
  #items: T[] = [];
  #failures: Failure[] = [];
  #bytes = 0;
  #takenMs = performance.now();

  constructor(private readonly entriesMax: number) {}

  add(item: T): void {
    this.#items.push(item);
    this.#bytes += item.path.length + 64;
  }

  addFailure(failure: Failure): void {
    this.#failures.push(failure);
    this.#bytes += failure.path.length + 128;
  }

  get due(): boolean {
    return this.#items.length + this.#failures.length >= this.entriesMax || this.#bytes >= messageBytesMax ||
      performance.now() - this.#takenMs >= messageEveryMs;
  }

  get empty(): boolean {
    return this.#items.length + this.#failures.length === 0;
  }

  take(): { items: T[]; failures: Failure[] } {
    const taken = { items: this.#items, failures: this.#failures };
    this.#items = [];
    this.#failures = [];
    this.#bytes = 0;
    this.#takenMs = performance.now();
    return taken;
  }
}
