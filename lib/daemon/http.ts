/** Between Deno's requests and responses and Connect's own, with what Connect does not watch: a client that stalls. */

import { Code, ConnectError, type ContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Call } from "./calls.ts";

/** `bodyMs`: the whole body must be there after that time, else `call` says so; undefined for a stream of messages. */
export function toUniversalRequest(
  request: Request,
  contextValues: ContextValues,
  call: Call,
  bodyMs: number | undefined,
): UniversalServerRequest {
  return {
    httpVersion: "",
    method: request.method,
    url: request.url,
    header: request.headers,
    body: readBody(request.body, call, bodyMs),
    signal: request.signal,
    contextValues,
  };
}

/**
 * Deno says at length, once, that request.signal also aborts after a complete answer unless a flag is given. That does no harm here,
 * and the log is for the daemon's own lines.
 */
export function silenceSignalNote(): void {
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    if (!String(words[0]).startsWith("Deno.serve: request.signal")) warn(...words);
  };
}

async function* readBody(body: ReadableStream<Uint8Array> | null, call: Call, limitMs: number | undefined) {
  if (body === null) return;
  const reader = body.getReader();
  const timer = limitMs === undefined ? undefined : setTimeout(() => {
    call.requestLate = true;
    void reader.cancel().catch(() => {});
  }, limitMs);
  try {
    for (;;) {
      call.listens = true;
      const { value, done } = await reader.read();
      call.listens = false;
      call.partsHeard++;
      if (call.requestLate) {
        throw new ConnectError(`The request was not complete after ${limitMs} ms`, Code.DeadlineExceeded);
      }
      if (done) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    // Whoever stops early wants nothing more of it.
    void reader.cancel().catch(() => {});
  }
}

/** While the client does not take a part of the answer, `call.waitingSinceMs` says since when. */
export function toResponse(response: UniversalServerResponse, call: Call, nowMs: () => number): Response {
  const { status, header, body } = response;
  return new Response(body === undefined ? null : toStream(body, call, nowMs), { status, headers: header });
}

function toStream(body: AsyncIterable<Uint8Array>, call: Call, nowMs: () => number): ReadableStream<Uint8Array> {
  const parts = body[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      call.waitingSinceMs = undefined;
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
      call.waitingSinceMs = nowMs();
    },
    async cancel() {
      const gone = new ConnectError("The client went away", Code.Canceled);
      // A generator that was thrown into throws it back.
      await parts.throw?.(gone).catch(() => {});
    },
  });
}
