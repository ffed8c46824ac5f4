/**
 * The client's end of the control channel: Connect over HTTP/2 without TLS to one daemon, straight and never through a proxy.
 *
 * Nothing is sent before the first call. A call to which the daemon says nothing for too long is broken off (liveness.ts). Errors of
 * calls are turned into BlitErrors by `daemonError`.
 */

import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createFetchClient, type UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { BlitError } from "../base/errors.ts";
import { ConnectionLost, Listener, PATIENCE_MS } from "./liveness.ts";

export interface Daemon {
  readonly host: string;
  readonly port: number;
}

export interface ControlChannel extends Disposable {
  /** For Connect's createClient. The disposal ends its calls, and it is unusable afterwards. */
  readonly transport: Transport;
  /** How long the daemon may say nothing to a call that waits for it. */
  readonly patienceMs: number;
  /** That daemon sends no signs of life: its silence means nothing. */
  trustSilence(): void;
}

/** Messages of a daemon may have up to this many bytes, whatever its own limit is. */
const messageBytesMax = 64 * 1024 * 1024;

export function openControlChannel(daemon: Daemon, patienceMs = PATIENCE_MS): ControlChannel {
  forgetProxies();
  clearNoTimerForNothing();
  const client = Deno.createHttpClient({ http1: false, http2: true });
  const calls = new Set<Listener>();
  let patience = patienceMs;
  const transport = createTransport({
    baseUrl: `http://${authority(daemon)}`,
    httpClient: listening(
      createFetchClient((request) => fetch(request, { client })),
      calls,
      () => patience,
      () => silenceError(daemon, patience),
    ),
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: messageBytesMax,
    writeMaxBytes: messageBytesMax,
  });
  return {
    transport,
    get patienceMs() {
      return patience;
    },
    trustSilence: () => patience = Infinity,
    [Symbol.dispose]() {
      const closed = new ConnectionLost("failed", `The connection to ${authority(daemon)} was closed`);
      for (const call of calls) call.giveUp(closed);
      client.close();
    },
  };
}

/**
 * Calls fail when nothing is heard for too long, before the answer or any part of it. They are among `calls` until they end. That a
 * signal aborts a request is not enough: the runtime may have collected what hangs between the two.
 */
function listening(
  send: UniversalClientFn,
  calls: Set<Listener>,
  patienceMs: () => number,
  silent: () => BlitError,
): UniversalClientFn {
  return async (request) => {
    const broken = new AbortController();
    const listener = new Listener(patienceMs, silent);
    calls.add(listener);
    const end = () => {
      listener.end();
      calls.delete(listener);
    };
    const next = <T>(promise: Promise<T>) =>
      listener.next(promise).catch((thrown) => {
        end();
        broken.abort(thrown);
        throw thrown;
      });
    const signal = request.signal === undefined ? broken.signal : AbortSignal.any([broken.signal, request.signal]);
    const response = await next(send({ ...request, signal }));
    const parts = response.body[Symbol.asyncIterator]();
    const body = {
      async next() {
        const part = await next(parts.next());
        if (part.done) end();
        return part;
      },
      async throw(reason: unknown) {
        end();
        return await parts.throw?.(reason) ?? { done: true as const, value: undefined };
      },
    };
    return { ...response, body: { [Symbol.asyncIterator]: () => body } };
  };
}

function silenceError(daemon: Daemon, patienceMs: number): ConnectionLost {
  return new ConnectionLost(
    "failed",
    `The daemon at ${authority(daemon)} has said nothing for ${patienceMs / 1000} s`,
    "Check the network and that machine; --stall-timeout allows more time.",
  );
}

/** Deno's fetch honours these, and what is copied between two machines of a network is nothing for a web proxy. */
function forgetProxies(): void {
  for (const name of ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]) Deno.env.delete(name);
}

let timersAreSpared = false;

/**
 * Connect clears a timer after each call, also where it has set none, and the runtime's clearTimeout takes 5 ms when it is first
 * looked at (lib/base/timers.ts). Until there is a timer to clear, one that does nothing stands in for it.
 */
function clearNoTimerForNothing(): void {
  if (timersAreSpared) return;
  timersAreSpared = true;
  const real = Object.getOwnPropertyDescriptor(globalThis, "clearTimeout")!;
  const value = (id?: number) => {
    if (id === undefined) return;
    Object.defineProperty(globalThis, "clearTimeout", real);
    clearTimeout(id);
  };
  Object.defineProperty(globalThis, "clearTimeout", { value, configurable: true, writable: true });
}

function authority({ host, port }: Daemon): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What a call threw, as one line for the user. A BlitError passes through. */
export function daemonError(daemon: Daemon, thrown: unknown): BlitError {
  const own = causes(thrown).find((error) => error instanceof BlitError);
  if (own !== undefined) return own;
  const error = ConnectError.from(thrown);
  const where = authority(daemon);
  const options = { cause: thrown };
  if (error.isWireError) return new BlitError("failed", error.rawMessage, undefined, options);
  const reason = innermost(error);
  if (error.code === Code.Unimplemented) {
    return new BlitError(
      "failed",
      `Cannot use the daemon at ${where}: it is too old for this, or no blit daemon`,
      undefined,
      options,
    );
  }
  if (/dns error|failed to lookup/i.test(reason)) {
    return new BlitError("failed", `Cannot find the host "${daemon.host}": ${lastPart(reason)}`, undefined, options);
  }
  if (/\(connect\)|tcp connect|os error/i.test(reason)) {
    return new BlitError(
      "failed",
      `Cannot reach a daemon at ${where}: ${lastPart(reason)}`,
      "Is `blit daemon` running there?",
      options,
    );
  }
  return new BlitError("failed", `Cannot talk to the daemon at ${where}: ${lastPart(reason)}`, undefined, options);
}

/** An error and what caused it, the outermost first. */
function causes(error: unknown): unknown[] {
  const chain = [error];
  for (let at = error; at instanceof Error && at.cause instanceof Error; at = at.cause) chain.push(at.cause);
  return chain;
}

/** The message at the end of the chain of causes, which is nearest to what happened. */
function innermost(error: unknown): string {
  const at = causes(error).at(-1);
  return at instanceof ConnectError ? at.rawMessage : at instanceof Error ? at.message : String(at);
}

/** "client error (Connect): tcp connect error: Connection refused (os error 111)" says "connection refused". */
function lastPart(reason: string): string {
  const last = reason.split(": ").at(-1)!.replace(/ \(os error \d+\)$/, "");
  return last.charAt(0).toLowerCase() + last.slice(1);
}
