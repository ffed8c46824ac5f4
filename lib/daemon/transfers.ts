/** TransferService: each call leads to the file that answers it. */

import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { lookBeneath, reasonOf } from "../native/beneath.ts";
import { type LocateRequest, TransferService } from "../wire/gen/blit/v1/transfer_pb.ts";
import { fetchTree } from "./fetch.ts";
import { enterPlace } from "./place.ts";
import type { DaemonState } from "./state.ts";
import { asStatus } from "./status.ts";
import { transfer } from "./transfer.ts";

export function serveTransfers(router: ConnectRouter, daemon: DaemonState): void {
  router.service(TransferService, {
    locate: (request, context) => locate(daemon, request, context),
    transfer: (requests, context) => transfer(daemon, requests, context),
    fetch: (request, context) => fetchTree(daemon, request, context),
    listJobs: () => ({ jobs: daemon.jobs.list() }),
    watchJob: ({ id }, context) => daemon.jobs.watch(id, context),
    cancelJob: (request) => ({ cancelled: daemon.jobs.cancel(request) }),
  });
}

async function locate(daemon: DaemonState, request: LocateRequest, context: HandlerContext) {
  using place = enterPlace(daemon.modules, context, request, "read");
  try {
    return { kind: (await lookBeneath(place.root, place.path)).kind };
  } catch (error) {
    if (reasonOf(error)?.code === "ENOENT") return {};
    throw asStatus("look at", place.shown(), error);
  }
}
