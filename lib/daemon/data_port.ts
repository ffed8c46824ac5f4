/**
 * The daemon's data port: accepts lanes and hands each to the transfer whose token leads it. Whatever comes without a good token, too
 * late, or as one lane too many is closed without a word, counted and logged.
 */

import { BlitError } from "../base/errors.ts";
import { pause } from "../base/timers.ts";
import { tokenBytes } from "../carrier/lanes.ts";
import {
  accept,
  closeDescriptor,
  listen,
  type Peer,
  readable,
  readWithin,
  settle,
  shutDescriptor,
} from "../native/descriptors.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** One transfer's lanes; disposed of when it is over, and then its token is worth nothing any more. */
export interface ExpectedLanes extends Disposable {
  readonly token: Uint8Array;
}

interface Waiting {
  readonly token: Uint8Array;
  readonly congestion: string;
  readonly lanesMax: number;
  readonly take: (descriptor: number) => Promise<unknown>;
  lanes: number;
}

/** Connections that have not shown a token yet. */
const strangersMax = 256;
/** Out of descriptors: those that are there get time to end. */
const exhaustedMs = 100;
/** Between two looks whether the port is still wanted. */
const acceptMs = 60_000;

/** Of a connection, who owns its descriptor: `#welcome`, until a transfer takes it. */
interface Stranger extends Peer {
  /** Why it is turned away before it has shown a token. */
  refusal?: string;
}

export class DataPort {
  readonly port: number;
  /** Connections that were turned away. */
  refused = 0;
  readonly #listener: number;
  readonly #waiting = new Set<Waiting>();
  /** Connections that have not sent their token yet, the oldest first. */
  readonly #strangers = new Set<Stranger>();
  #closed = false;

  /** Raises BlitError (failed) when no port can be had. */
  constructor(private readonly config: () => DaemonConfig, private readonly log: Log) {
    const { descriptor, port } = listenInRange(config());
    this.#listener = descriptor;
    this.port = port;
    void this.#accept();
  }

  /**
   * `take` gets a blocking descriptor for each lane, which is the taker's unless it throws at once, and resolves when the lane is over.
   * At most `lanesMax` are there at once.
   */
  expect(congestion: string, lanesMax: number, take: (descriptor: number) => Promise<unknown>): ExpectedLanes {
    const token = crypto.getRandomValues(new Uint8Array(tokenBytes));
    const waiting: Waiting = { token, congestion, lanesMax, take, lanes: 0 };
    this.#waiting.add(waiting);
    return {
      token,
      [Symbol.dispose]: () => void this.#waiting.delete(waiting),
    };
  }

  close(): void {
    this.#closed = true;
    shutDescriptor(this.#listener);
    for (const { descriptor } of this.#strangers) shutDescriptor(descriptor);
  }

  async #accept(): Promise<void> {
    for (;;) {
      await readable(this.#listener, acceptMs);
      if (this.#closed) return closeDescriptor(this.#listener);
      try {
        for (let peer = accept(this.#listener); peer !== undefined; peer = accept(this.#listener)) {
          // A client sends its token at once: those that have waited for long are the ones to go.
          const [oldest] = this.#strangers;
          if (this.#strangers.size >= strangersMax) this.#hurry(oldest, "too many connections without a token");
          void this.#welcome(peer);
        }
      } catch {
        await pause(exhaustedMs);
      }
    }
  }

  #hurry(stranger: Stranger, refusal: string): void {
    stranger.refusal = refusal;
    this.#strangers.delete(stranger);
    shutDescriptor(stranger.descriptor);
  }

  async #welcome(stranger: Stranger): Promise<void> {
    this.#strangers.add(stranger);
    const token = await readToken(stranger.descriptor, this.config().limits.firstByteMs);
    this.#strangers.delete(stranger);
    const waiting = typeof token === "string" ? undefined : this.#find(token);
    const refusal = stranger.refusal ?? (typeof token === "string" ? token : this.#refusal(waiting));
    if (refusal !== undefined || waiting === undefined) return this.#refuse(stranger, refusal);
    waiting.lanes++;
    await this.#handOver(stranger.descriptor, waiting).catch((error) =>
      this.log.write("warning", "lane_failed", { error: BlitError.from(error).message })
    );
    waiting.lanes--;
  }

  async #handOver(descriptor: number, { congestion, take }: Waiting): Promise<void> {
    let life: Promise<unknown>;
    try {
      settle(descriptor, congestion);
      life = take(descriptor);
    } catch (error) {
      closeDescriptor(descriptor); // nobody has taken it
      throw error;
    }
    await life;
  }

  #refusal(waiting: Waiting | undefined): string | undefined {
    if (waiting === undefined) return "a wrong token";
    return waiting.lanes >= waiting.lanesMax ? "one lane too many" : undefined;
  }

  /** Looks at every token to its end, whatever it finds: the time it takes tells nothing. */
  #find(token: Uint8Array): Waiting | undefined {
    let found: Waiting | undefined;
    for (const waiting of this.#waiting) {
      let difference = 0;
      for (let i = 0; i < tokenBytes; i++) difference |= token[i] ^ waiting.token[i];
      if (difference === 0) found = waiting;
    }
    return found;
  }

  #refuse({ descriptor, address, port }: Stranger, reason: string | undefined): void {
    closeDescriptor(descriptor);
    if (this.#closed) return;
    this.refused++;
    this.log.write("warning", "lane_refused", { client: address, port, reason, refused: this.refused });
  }
}

/** The token, or why there is none. */
async function readToken(descriptor: number, ms: number): Promise<Uint8Array | string> {
  const token = new Uint8Array(tokenBytes);
  const startMs = performance.now();
  for (let at = 0; at < tokenBytes;) {
    const read = await readWithin(descriptor, token.subarray(at), startMs + ms - performance.now());
    if (read === undefined) return "no token in time";
    if (read === 0) return "no token";
    at += read;
  }
  return token;
}

function listenInRange({ bind, dataPorts }: DaemonConfig): { readonly descriptor: number; readonly port: number } {
  const { first, last } = dataPorts ?? { first: 0, last: 0 };
  for (let port = first;; port++) {
    try {
      return listen(bind, port);
    } catch (error) {
      const inUse = (error as Error).cause === "EADDRINUSE";
      if (inUse && port < last) continue;
      const range = dataPorts === undefined ? "" : ` in the range ${first}-${last}`;
      const reason = inUse ? "all are in use" : (error as Error).message;
      throw new BlitError("failed", `Cannot open a data port${range}: ${reason}`, undefined, { cause: error });
    }
  }
}
