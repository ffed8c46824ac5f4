/**
 * A daemon that lies: it serves pulls with the real source's role, and lets a test change what is asked and what is answered. Content
 * travels inside the stream. It takes part in the test's own process, on a free port of the loopback.
 */

import { create } from "@bufbuild/protobuf";
import { createConnectRouter } from "@connectrpc/connect";
import { universalServerRequestFromFetch, universalServerResponseToFetch } from "@connectrpc/connect/protocol";
import { InlineLane } from "../../lib/carrier/inline_lane.ts";
import { MessageStream } from "../../lib/carrier/message_stream.ts";
import { Kind } from "../../lib/model/entry.ts";
import { startSource } from "../../lib/session/source_role.ts";
import type { SourceAnswer, SourceAnswers, SourceRequest } from "../../lib/wire/gen/blit/v1/source_pb.ts";
import {
  type TransferRequest,
  type TransferResponse,
  TransferResponseSchema,
  TransferService,
} from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { jobFromWire } from "../../lib/wire/job_codec.ts";

export interface Twist {
  /** What stands at every path; a regular file unless it is said. */
  readonly kind?: number;
  /** Before the real source sees it. Undefined: it never does. */
  request?(request: SourceRequest, answer: (answer: SourceAnswer) => void): SourceRequest | undefined;
  /** Before the destination sees them. */
  answers?(answers: SourceAnswer[]): SourceAnswer[];
}

export interface TwistedSource extends AsyncDisposable {
  /** "127.0.0.1:PORT:/module/path" */
  place(path: string): string;
}

/** Serves the directory at whatever path it is asked for. */
export function twistedSource(root: string, twist: Twist): TwistedSource {
  const router = createConnectRouter({ grpc: false });
  router.service(TransferService, {
    locate: () => ({ kind: twist.kind ?? Kind.File }),
    transfer: (requests) => serve(root, twist, requests),
  });
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const handler = handlers.get(new URL(request.url).pathname);
    if (handler === undefined) return new Response(null, { status: 404 });
    return universalServerResponseToFetch(await handler(universalServerRequestFromFetch(request, {})));
  });
  return {
    place: (path) => `127.0.0.1:${server.addr.port}:/${path}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function* serve(
  root: string,
  twist: Twist,
  requests: AsyncIterable<TransferRequest>,
): AsyncGenerator<TransferResponse> {
  const out = new MessageStream<TransferResponse>();
  const send = (message: unknown) => out.send(create(TransferResponseSchema, { message } as never));
  const lanes: InlineLane[] = [];
  const incoming = requests[Symbol.asyncIterator]();
  const first = (await incoming.next()).value.message;
  const tell = (answers: SourceAnswer[], figures: Partial<SourceAnswers> = {}) =>
    void send({ case: "answers", value: { ...figures, answers: twist.answers?.(answers) ?? answers } });
  const role = await startSource({
    root,
    job: jobFromWire(first.value.job),
    answer: ({ answers, ...figures }) => tell(answers, figures),
  });
  void send({ case: "accept", value: { protocolMajor: 1, features: ["lanes", "inline"] } });
  const reading = (async () => {
    for (let { done, value } = await incoming.next(); !done; { done, value } = await incoming.next()) {
      const { message } = value;
      if (message.case === "useInline") {
        for (let lane = 0; lane < message.value.lanes; lane++) {
          const inline = new InlineLane((data) => send({ case: "laneData", value: { lane, data } }));
          lanes.push(inline);
          void role.addLane(inline.descriptor);
        }
      } else if (message.case === "laneData") {
        await lanes[message.value.lane]?.receive(message.value.data);
      } else if (message.case === "requests") {
        const kept = message.value.requests.flatMap((request: SourceRequest) =>
          twist.request === undefined ? [request] : twist.request(request, (answer) => tell([answer])) ?? []
        );
        role.handle({ ...message.value, requests: kept });
      } else if (message.case === "finished") break;
    }
  })().catch(() => {}).finally(() => out.end());
  try {
    yield* out;
  } finally {
    out.end();
    for (const lane of lanes) lane.end();
    await role.close();
    await reading;
  }
}
