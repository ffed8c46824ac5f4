/** A daemon whose summary contradicts itself, or what it told before, ends no command with 0. */

import { create } from "@bufbuild/protobuf";
import { createConnectRouter } from "@connectrpc/connect";
import { universalServerRequestFromFetch, universalServerResponseToFetch } from "@connectrpc/connect/protocol";
import { assertEquals } from "@std/assert";
import { Kind } from "../../lib/model/entry.ts";
import { TransferResponseSchema, TransferService } from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";

const failure = { path: new TextEncoder().encode("x"), code: "EIO", message: "Cannot write: input/output error" };

/** What it says instead of taking anything, and the exit code that is honest then. */
const said: readonly [what: string, failed: boolean, summary: Record<string, unknown>, code: number][] = [
  ["ok", false, { status: "ok" }, 0],
  ["ok, with failures in its counts", false, { status: "ok", filesFailed: 7n, failuresTotal: 7n }, 2],
  ["ok, after it told of a failure", true, { status: "ok" }, 2],
  ["a status that is none", false, { status: "weird" }, 1],
];

for (const [what, failed, summary, code] of said) {
  testNeeding([linux], `a daemon that says ${what} ends a push with ${code}`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/x": "x" });
    const router = createConnectRouter({ grpc: false });
    router.service(TransferService, {
      locate: () => ({ kind: Kind.Directory }),
      async *transfer() {
        const parts = [
          { case: "accept", value: { protocolMajor: 1, protocolMinor: 1, features: ["lanes", "inline"] } },
          ...failed ? [{ case: "happened", value: { events: [{ event: { case: "failure", value: failure } }] } }] : [],
          { case: "finished", value: { outcome: { case: "summary", value: summary } } },
        ];
        for (const message of parts) yield create(TransferResponseSchema, { message } as never);
      },
    });
    const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const handler = handlers.get(new URL(request.url).pathname)!;
      return universalServerResponseToFetch(await handler(universalServerRequestFromFetch(request, {})));
    });
    const place = `127.0.0.1:${server.addr.port}:/m/dst`;
    const result = await blit(["copy", dir.at("src/"), place, "--force-inline"]);
    assertEquals(result.code, code, result.stderr);
  });
}
