/**
 * The control channel's server: Connect's handlers on Deno.serve, HTTP/2 without TLS and HTTP/1.1 on one port.
 *
 * Each request becomes a Call (calls.ts) before Connect sees it; a refused one is answered by Connect without its body being read. The
 * sweep that closes useless connections runs as long as the server does.
 */

import { Code, ConnectError, createConnectRouter, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { BlitError } from "../base/errors.ts";
import { tendListener } from "../native/sockets.ts";
import { serveAdmin } from "./admin.ts";
import { type Call, callKey, codeName, note, noteOutcome, stopping } from "./calls.ts";
import { Connections } from "./connections.ts";
import { silenceSignalNote, toResponse, toUniversalRequest } from "./http.ts";
import type { DaemonState } from "./state.ts";
import { serveTransfers } from "./transfers.ts";
import { TransferService } from "../wire/gen/blit/v1/transfer_pb.ts";

export interface RunningServer {
  /** Where it really listens. */
  readonly address: string;
  readonly port: number;
  /**
   * Accepts nothing more and waits for the running calls. After `graceMs` they are told to end, and a second later it returns
   * whatever they do.
   */
  stop(graceMs: number): Promise<void>;
  /** Rejects with a BlitError when it cannot accept connections any more; else settles after the stop. */
  readonly finished: Promise<void>;
}

/** Between two sweeps, and at least this many times as long as one takes. */
const sweepMs = 250;
const sweepShare = 20;
const endingMs = 1000;
const allAddresses = ["::", "0.0.0.0"];

/** Raises BlitError (failed) when it cannot listen. */
export function startServer(daemon: DaemonState): RunningServer {
  silenceSignalNote();
  const ending = new AbortController();
  const router = createConnectRouter({
    // Deno's responses have no trailers, which gRPC needs; gRPC-Web and Connect need none.
    grpc: false,
    readMaxBytes: daemon.config.limits.messageBytes,
    writeMaxBytes: daemon.config.limits.messageBytes,
    shutdownSignal: ending.signal,
    interceptors: [noteOutcome],
    requestGate: ({ values }) => {
      const refusal = values.get(callKey)?.refusal;
      if (refusal === undefined) return;
      note(values.get(callKey)!, refusal);
      throw refusal;
    },
  });
  serveAdmin(router, daemon);
  serveTransfers(router, daemon);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  const connections = new Connections(() => daemon.config.limits, daemon.log);
  const server = listen(daemon.config.bind, daemon.config.port, async (request, info) => {
    const { hostname, port } = info.remoteAddr;
    const client = { address: hostname.replace(/^::ffff:(?=\d+\.)/, ""), port };
    const path = new URL(request.url).pathname;
    const handler = handlers.get(path);
    const call = daemon.calls.begin(client, handler?.method.name ?? "unknown", request.headers);
    connections.callBegins(client);
    const end = () => {
      daemon.calls.end(call);
      connections.callEnds(call);
    };
    info.completed.then(end, () => {
      if (call.code === "ok") note(call, new ConnectError("The client went away", Code.Canceled));
      end();
    });
    return await answer(request, handler, call, daemon);
  });
  const { hostname: address, port } = server.addr;
  tendListener(port, daemon.config.limits.silentMs);
  let sweeping = setTimeout(sweep, sweepMs);
  function sweep() {
    const startMs = performance.now();
    connections.sweep(port, daemon.calls.running);
    sweeping = setTimeout(sweep, Math.max(sweepMs, (performance.now() - startMs) * sweepShare));
  }

  return {
    address,
    port,
    async stop(graceMs) {
      daemon.calls.close();
      const finished = server.shutdown().catch(() => {});
      if (!await settlesWithin(finished, graceMs)) {
        ending.abort(stopping());
        await settlesWithin(finished, endingMs);
      }
      clearTimeout(sweeping);
    },
    finished: server.finished.catch((error) => {
      throw BlitError.from(error, `accept connections on port ${port} any more`);
    }),
  };
}

async function answer(
  request: Request,
  handler: UniversalHandler | undefined,
  call: Call,
  daemon: DaemonState,
): Promise<Response> {
  if (handler === undefined) {
    call.code = "unimplemented";
    call.error = "no such call";
    return new Response(
      "This is a blit daemon. It speaks Connect: see blit.v1.AdminService and blit.v1.TransferService\n",
      { status: 404 },
    );
  }
  const streamsRequest = handler.method.methodKind === "bidi_streaming" ||
    handler.method.methodKind === "client_streaming";
  const bodyMs = streamsRequest ? undefined : daemon.config.limits.firstByteMs;
  const values = createContextValues().set(callKey, call);
  const { transfer, fetch } = TransferService.method;
  if (handler.method !== transfer && handler.method !== fetch) await daemon.calls.takeTurn(call);
  try {
    const response = await handler(toUniversalRequest(request, values, call, bodyMs));
    // What fails before the handler is reached (a body that cannot be parsed) shows only here.
    if (call.requestLate) call.code = codeName(Code.DeadlineExceeded);
    else if (response.status !== 200 && call.code === "ok") call.code = `http_${response.status}`;
    return toResponse(response, call, () => performance.now());
  } catch (error) {
    call.code = codeName(Code.Internal);
    call.error = String(error);
    return new Response("internal error\n", { status: 500 });
  }
}

function listen(
  bind: string | undefined,
  port: number,
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  const addresses = bind === undefined ? allAddresses : [bind];
  let failure: unknown;
  for (const hostname of addresses) {
    try {
      return Deno.serve({ hostname, port, onListen: () => {} }, handler);
    } catch (error) {
      failure = error;
      // Only a machine without IPv6 gets a second try.
      if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) break;
    }
  }
  const where = `${addresses[0].includes(":") ? `[${addresses[0]}]` : addresses[0]}:${port}`;
  const reason = failure instanceof Deno.errors.AddrInUse
    ? "another program listens there"
    : (failure as Error).message;
  throw new BlitError("failed", `Cannot listen on ${where}: ${reason}`, undefined, { cause: failure });
}

/** Whether the promise is settled in time. */
async function settlesWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([promise.then(() => true, () => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
