/**
 * What a destination asks the source for, and which of that is still open: answers, content that lanes bring, and what the source need
 * not keep any more. Requests wait here until they are sent, all at once.
 */

import { create } from "@bufbuild/protobuf";
import { BlitError } from "../base/errors.ts";
import {
  type SourceAnswer,
  type SourceAnswers,
  type SourceRequest,
  type SourceRequests,
  SourceRequestSchema,
  SourceRequestsSchema,
} from "../wire/gen/blit/v1/source_pb.ts";
import { nonsense } from "./held.ts";

export type Ask = SourceRequest["request"];
export type Reply = SourceAnswer["answer"];

export class Asker {
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  /** What lanes are to bring, by the number of the request. */
  readonly #incoming = new Map<number, Ask>();
  /** Of `#incoming`, those that a lane's death made ask for again; and those of them that have come. */
  readonly #askedAgain = new Set<number>();
  readonly #notWanted: number[] = [];
  readonly #released: number[] = [];
  #asks: SourceRequest[] = [];
  #nextId = 1;

  constructor(private readonly ask: (requests: SourceRequests) => void) {}

  /** Asks for what is not answered. */
  tell(request: Ask): void {
    this.#put(0, request);
  }

  askAndWait(request: Ask, done: (reply: Reply) => void): void {
    const id = this.#nextId++;
    this.#waiting.set(id, done);
    this.#put(id, request);
  }

  /** Asks for what comes on lanes, under a number that the shim gave. */
  bring(id: number, request: Ask): void {
    this.#incoming.set(id, request);
    this.#put(id, request);
  }

  /** What lanes were to bring under that number is here. */
  arrived(id: number): void {
    this.#incoming.delete(id);
    if (this.#askedAgain.delete(id)) this.#notWanted.push(id);
  }

  /** Asks anew for what no lane is bringing; how many requests that are. */
  askAgain(comes: (id: number) => boolean): number {
    const lost = [...this.#incoming].filter(([id]) => !comes(id));
    for (const [id, request] of lost) {
      this.#put(id, request);
      this.#askedAgain.add(id);
    }
    return lost.length;
  }

  /** The source need not keep its batch of that number. */
  release(batch: number): void {
    this.#released.push(batch);
  }

  /** Hands answers over to who waits for them. Raises BlitError for one that nobody asked for. */
  answered({ answers }: Pick<SourceAnswers, "answers">): void {
    for (const { id, answer } of answers) {
      const done = this.#waiting.get(id);
      if (done === undefined) throw nonsense("an answer to what nobody asked");
      this.#waiting.delete(id);
      done(answer);
    }
  }

  send(): void {
    if (this.#released.length > 0) {
      this.tell({ case: "release", value: message({ batches: this.#released.splice(0) }) });
    }
    if (this.#notWanted.length > 0) this.tell({ case: "arrived", value: message({ ids: this.#notWanted.splice(0) }) });
    if (this.#asks.length === 0) return;
    const requests = this.#asks;
    this.#asks = [];
    this.ask(create(SourceRequestsSchema, { requests }));
  }

  #put(id: number, request: Ask): void {
    this.#asks.push(create(SourceRequestSchema, { id, request } as never));
  }
}

/** Fields of a message; protobuf's `create` fills in what is missing. */
// deno-lint-ignore no-explicit-any
export function message(fields: Record<string, unknown>): any {
  return fields;
}

export function expectReply<K extends Exclude<Reply["case"], undefined>>(
  reply: Reply,
  expected: K,
): Extract<Reply, { case: K }>["value"] {
  if (reply.case !== expected) throw new BlitError("failed", `The source answered "${reply.case}" to "${expected}"`);
  return reply.value as never;
}
