/**
 * The client's end of the control channel: Connect over HTTP/2 without TLS to one daemon, straight and never through a proxy.
 *
 * Nothing is sent before the first call. Errors of calls are turned into BlitErrors by `daemonError`.
 */

import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createFetchClient } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { BlitError } from "../base/errors.ts";

export interface Daemon {
  readonly host: string;
  readonly port: number;
}

export interface ControlChannel extends Disposable {
  /** For Connect's createClient. Unusable after the disposal. */
  readonly transport: Transport;
}

/** Messages of a daemon may have up to this many bytes, whatever its own limit is. */
const messageBytesMax = 64 * 1024 * 1024;

export function openControlChannel(daemon: Daemon): ControlChannel {
  forgetProxies();
  clearNoTimerForNothing();
  const client = Deno.createHttpClient({ http1: false, http2: true });
  const transport = createTransport({
    baseUrl: `http://${authority(daemon)}`,
    httpClient: createFetchClient((request) => fetch(request, { client })),
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: messageBytesMax,
    writeMaxBytes: messageBytesMax,
  });
  return { transport, [Symbol.dispose]: () => client.close() };
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
  if (thrown instanceof BlitError) return thrown;
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

/** The message at the end of the chain of causes, which is nearest to what happened. */
function innermost(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return at instanceof ConnectError ? at.rawMessage : at instanceof Error ? at.message : String(at);
}

/** "client error (Connect): tcp connect error: Connection refused (os error 111)" says "connection refused". */
function lastPart(reason: string): string {
  const last = reason.split(": ").at(-1)!.replace(/ \(os error \d+\)$/, "");
  return last.charAt(0).toLowerCase() + last.slice(1);
}
