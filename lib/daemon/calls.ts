/**
 * The calls that are running: who made them, whether they may be, whose turn it is, and how they ended. Every call is counted from its
 * first byte to the last, and logged once, when it is over.
 *
 * A call's states: admitted or refused (`refusal`) -> waiting for its turn -> running -> over (`end`). Refused calls are answered by
 * Connect with their error. Transfers take their turn themselves (transfer_turn.ts), since they tell their client that they wait; they and
 * all other calls stand in lines of their own, so that a daemon full of transfers still answers.
 */

import { Code, ConnectError, createContextKey, type Interceptor } from "@connectrpc/connect";
import { Stillness } from "../base/stillness.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";
import { isAllowed } from "./networks.ts";
import { type Turn, Turns } from "./turns.ts";

export interface Client {
  readonly address: string;
  readonly port: number;
}

export class Call {
  /** Connect's name of the error it ended with, or how its job ended. */
  code = "ok";
  /** Number of the job that it began. */
  job: number | undefined;
  error: string | undefined;
  /** "module/path", once it is known. */
  target: string | undefined;
  /** Since when the client has not taken what was offered; undefined while the daemon is at work. */
  waitingSinceMs: number | undefined;
  /** Of a call that is no transfer. */
  turn: Turn | undefined;
  /** The request did not come in time; what is left of it makes the connection useless. */
  requestLate = false;
  /** Parts of the request that have come, and whether the daemon waits for the next one. */
  partsHeard = 0;
  listens = false;
  /** The client promised signs of life: after so long without one it is gone. */
  patienceMs = Infinity;
  readonly #silence: Stillness;
  constructor(
    readonly client: Client,
    readonly procedure: string,
    readonly startMs: number,
    public refusal: ConnectError | undefined,
  ) {
    this.#silence = new Stillness(startMs);
  }

  /** To be asked about once a second. */
  isSilent(nowMs: number): boolean {
    return this.#silence.look(nowMs, this.partsHeard, !this.listens) >= this.patienceMs;
  }
}

/** Where handlers find their call: `context.values.get(callKey)`. */
export const callKey = createContextKey<Call | undefined>(undefined, { description: "the running call" });

/** Most calls take milliseconds; for a person it is better to wait than to be told to try again. */
const callWaitMs = 10_000;
/** Of a path or message that a client has a hand in. */
export const loggedCharsMax = 500;

export class Calls {
  readonly #running = new Set<Call>();
  readonly transfers = new Turns(() => this.config().limits.sessions);
  readonly #others = new Turns(() => this.config().limits.sessions);
  #closed = false;

  constructor(
    private readonly config: () => DaemonConfig,
    private readonly log: Log,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get running(): ReadonlySet<Call> {
    return this.#running;
  }

  begin(client: Client, procedure: string, headers: Headers): Call {
    const call = new Call(client, procedure, this.nowMs(), this.#refusal(client, headers));
    this.#running.add(call);
    return call;
  }

  /** Resolves when it is the turn of a call that is no transfer; the call is refused where that takes too long. */
  async takeTurn(call: Call): Promise<void> {
    if (call.refusal !== undefined) return;
    call.turn = this.#others.take();
    const waitMs = Math.min(callWaitMs, this.config().limits.waitMs);
    if (!await call.turn.runsWithin(waitMs)) call.refusal = this.noPlace("calls");
  }

  /** What a call hears that gets no place. */
  noPlace(what: "calls" | "transfers"): ConnectError {
    if (this.#closed) return stopping();
    const { sessions } = this.config().limits;
    return new ConnectError(`This daemon is busy: it has its ${sessions} ${what}`, Code.ResourceExhausted);
  }

  /** Whoever waits is refused, and so is whoever comes. */
  close(): void {
    this.#closed = true;
    this.transfers.close();
    this.#others.close();
  }

  /** Once for each call that began. */
  end(call: Call): void {
    if (!this.#running.delete(call)) return;
    call.turn?.end();
    const { client, procedure, code, error, target, job } = call;
    this.log.write(code === "ok" ? "info" : "warning", "call", {
      procedure,
      client: client.address,
      port: client.port,
      target: target?.slice(0, loggedCharsMax),
      job,
      code,
      error: error?.slice(0, loggedCharsMax),
      ms: Math.round(this.nowMs() - call.startMs),
    });
  }

  #refusal(client: Client, headers: Headers): ConnectError | undefined {
    const { allow } = this.config();
    if (!isAllowed(allow, client.address)) {
      return new ConnectError(
        `This daemon does not serve ${client.address} ("allow" in its configuration)`,
        Code.PermissionDenied,
      );
    }
    // Only browsers send it: a page that somebody looks at shall not reach the daemons in their network.
    if (headers.has("origin")) return new ConnectError("This daemon does not serve web pages", Code.PermissionDenied);
    return undefined;
  }
}

/** What every call hears that is under way, or comes, when the daemon ends in order. It may work when the daemon is back. */
export function stopping(): ConnectError {
  return new ConnectError("The daemon is stopping", Code.Unavailable);
}

/** Notes on the call what its handler threw. */
export const noteOutcome: Interceptor = (next) => async (request) => {
  const call = request.contextValues.get(callKey);
  try {
    const response = await next(request);
    return response.stream && call !== undefined ? { ...response, message: noting(response.message, call) } : response;
  } catch (error) {
    if (call !== undefined) note(call, error);
    throw error;
  }
};

async function* noting<T>(messages: AsyncIterable<T>, call: Call): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    note(call, error);
    throw error;
  }
}

export function note(call: Call, error: unknown): void {
  const known = ConnectError.from(error);
  call.code = codeName(known.code);
  call.error = known.rawMessage;
}

/** "not_found" for Code.NotFound, as Connect spells it in JSON. */
export function codeName(code: Code): string {
  return Code[code].replace(/[A-Z]/g, (letter, at) => (at > 0 ? "_" : "") + letter.toLowerCase());
}
