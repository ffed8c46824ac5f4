/**
 * The daemon's data port: accepts lanes and hands each to the transfer whose token leads it. Whatever comes without a good token, too
 * late, or as one lane too many is closed without a word, counted and logged.
 */

import { prepareListener, takeConnection } from "../native/descriptors.ts";
import { tokenBytes } from "../carrier/lanes.ts";
import { BlitError } from "../base/errors.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** One transfer's lanes; disposed of when it is over, and then its token is worth nothing any more. */
export interface ExpectedLanes extends Disposable {
  readonly token: Uint8Array;
  readonly lanesMax: number;
}

interface Waiting {
  readonly token: Uint8Array;
  readonly congestion: string;
  readonly take: (descriptor: number) => Promise<void>;
  lanes: number;
}

const allAddresses = ["::", "0.0.0.0"];
/** Connections that have not shown a token yet. */
const strangersMax = 256;

export class DataPort {
  readonly port: number;
  /** Connections that were turned away. */
  refused = 0;
  readonly #listener: Deno.TcpListener;
  readonly #waiting = new Set<Waiting>();
  /** Connections that have not sent their token yet, the oldest first. */
  readonly #strangers = new Set<Deno.TcpConn>();

  /** Raises BlitError (failed) when no port can be had. */
  constructor(private readonly config: () => DaemonConfig, private readonly log: Log) {
    this.#listener = listen(config());
    this.port = this.#listener.addr.port;
    prepareListener(this.port);
    void this.#accept();
  }

  /** `take` gets a blocking descriptor for each lane, which is the taker's, and resolves when the lane is over. */
  expect(congestion: string, take: (descriptor: number) => Promise<void>): ExpectedLanes {
    const token = crypto.getRandomValues(new Uint8Array(tokenBytes));
    const waiting: Waiting = { token, congestion, take, lanes: 0 };
    this.#waiting.add(waiting);
    return {
      token,
      lanesMax: this.config().limits.lanes,
      [Symbol.dispose]: () => void this.#waiting.delete(waiting),
    };
  }

  close(): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for (;;) {
      try {
        const connection = await this.#listener.accept();
        // A client sends its token at once: those that have waited for long are the ones to go.
        const [oldest] = this.#strangers;
        if (this.#strangers.size >= strangersMax) this.#refuse(oldest, "too many connections without a token");
        void this.#welcome(connection);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // Out of descriptors: those that are there get time to end.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #welcome(connection: Deno.TcpConn): Promise<void> {
    this.#strangers.add(connection);
    const late = setTimeout(() => this.#refuse(connection, "no token in time"), this.config().limits.firstByteMs);
    const token = await readToken(connection);
    this.#strangers.delete(connection);
    clearTimeout(late);
    if (token === undefined) return this.#refuse(connection, "no token");
    const waiting = this.#find(token);
    if (waiting === undefined) return this.#refuse(connection, "a wrong token");
    if (waiting.lanes >= this.config().limits.lanes) return this.#refuse(connection, "one lane too many");
    waiting.lanes++;
    try {
      const taken = takeConnection(connection, waiting.congestion);
      await waiting.take(taken.descriptor);
      taken.release();
    } catch (error) {
      this.log.write("warning", "lane_failed", { error: BlitError.from(error).message });
    }
    waiting.lanes--;
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

  #refuse(connection: Deno.TcpConn, reason: string): void {
    this.#strangers.delete(connection);
    try {
      const { hostname, port } = connection.remoteAddr;
      connection.close();
      this.refused++;
      this.log.write("warning", "lane_refused", { client: hostname, port, reason, refused: this.refused });
    } catch {
      // It was closed already.
    }
  }
}

/** Undefined where the connection ends before. */
async function readToken(connection: Deno.TcpConn): Promise<Uint8Array | undefined> {
  const token = new Uint8Array(tokenBytes);
  try {
    for (let at = 0; at < tokenBytes;) {
      const read = await connection.read(token.subarray(at));
      if (read === null) return undefined;
      at += read;
    }
    return token;
  } catch {
    return undefined;
  }
}

function listen({ bind, dataPorts }: DaemonConfig): Deno.TcpListener {
  const ports = dataPorts === undefined
    ? [0]
    : Array.from({ length: dataPorts.last - dataPorts.first + 1 }, (_, i) => dataPorts.first + i);
  let failure: unknown;
  for (const hostname of bind === undefined ? allAddresses : [bind]) {
    for (const port of ports) {
      try {
        return Deno.listen({ hostname, port });
      } catch (error) {
        failure = error;
      }
    }
  }
  const range = dataPorts === undefined ? "" : ` in the range ${dataPorts.first}-${dataPorts.last}`;
  const reason = failure instanceof Deno.errors.AddrInUse ? "all are in use" : (failure as Error).message;
  throw new BlitError("failed", `Cannot open a data port${range}: ${reason}`, undefined, { cause: failure });
}
