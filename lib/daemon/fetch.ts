/**
 * TransferService.Fetch: this daemon is the client of another one and fetches a tree into a module of its own. Bytes go straight from
 * there to here. It connects nowhere but where its configuration allows it to.
 */

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { printablePath } from "../base/path_bytes.ts";
import { openControlChannel } from "../carrier/control.ts";
import { ConnectionLost } from "../carrier/liveness.ts";
import { MessageStream } from "../carrier/message_stream.ts";
import { formatRemote, type RemoteEndpoint } from "../endpoint/remote.ts";
import type { Progress } from "../model/event.ts";
import { failureFrom } from "../session/client_stream.ts";
import { startPull } from "../session/pull.ts";
import { progressToWire, summaryToWire } from "../wire/event_codec.ts";
import {
  type FetchRequest,
  type FetchResponse,
  FetchResponseSchema,
  type Finished,
  FinishedSchema,
} from "../wire/gen/blit/v1/transfer_pb.ts";
import { callKey } from "./calls.ts";
import { isModuleName } from "./config.ts";
import { EventFeed } from "./event_feed.ts";
import { isAllowedSource } from "./networks.ts";
import { readOpen } from "./opened.ts";
import { enterPlace } from "./place.ts";
import { checkPath } from "./remote_path.ts";
import { openRoots } from "./roots.ts";
import type { DaemonState } from "./state.ts";
import { waitForTurn } from "./transfer_turn.ts";

const progressEveryMs = 200;

export async function* fetchTree(
  daemon: DaemonState,
  request: FetchRequest,
  context: HandlerContext,
): AsyncGenerator<FetchResponse> {
  const { open, sourceHost } = request;
  if (open === undefined) throw new ConnectError("Fetch needs Open with a job", Code.InvalidArgument);
  const { job, ...placement } = readOpen(open, daemon.config.limits.stallMs);
  const source = readSource(request);
  if (!isAllowedSource(daemon.config.allowDaemons, sourceHost)) {
    throw new ConnectError(
      `This daemon does not fetch from "${sourceHost}" ("allow_daemons" in its configuration)`,
      Code.PermissionDenied,
    );
  }
  using held = new DisposableStack();
  const place = held.use(enterPlace(daemon.modules, context, open, job.verb === "check" ? "read" : "change"));
  const turn = held.use(daemon.calls.transfers.take());
  for await (const waiting of waitForTurn(daemon, turn, job, context)) {
    yield create(FetchResponseSchema, { message: { case: "waiting", value: waiting } });
  }
  const out = new MessageStream<FetchResponse>();
  const send = (message: FetchResponse["message"]) => void out.send(create(FetchResponseSchema, { message } as never));
  const feed = new EventFeed((events) => send({ case: "happened", value: { $typeName: "blit.v1.Happened", events } }));
  const roots = held.use(await openRoots(place, job, open));
  const channel = held.use(openControlChannel(source, job.stallTimeoutMs));
  const ofTheJob = held.move(); // which may outlive its call
  const running = startPull({
    job,
    source,
    channel,
    placement: {
      destinationRoot: roots.destinationRoot,
      destinationPath: roots.destinationPath,
      backupRoot: roots.backupRoot,
      fresh: roots.fresh,
      counted: roots.fresh,
      ...placement,
      withhold: !place.privileged,
    },
    bounds: {
      lanes: ofTheJob.use(daemon.lanes.take(daemon.config.limits.lanes)).count,
      grantWorkers: (wanted) => ofTheJob.use(daemon.workers.take(wanted)).count,
    },
    sink: (event) => feed.add(event),
  });
  const registered = daemon.jobs.begin({
    verb: job.verb,
    direction: "fetch",
    place: place.shown(),
    source: formatRemote(source),
    cancel: () => running.cancel(),
    interrupt: () => running.stop(),
    progress: () => progressToWire(running.progress()),
  }, context.values.get(callKey)!);
  send({ case: "jobId", value: BigInt(registered.id) });
  const timer = setInterval(() => {
    feed.flush();
    const progress: Progress = running.progress();
    send({ case: "progress", value: progressToWire(progress) });
  }, progressEveryMs);
  const end = (outcome: Finished["outcome"], status: string) => {
    feed.flush();
    const finished = create(FinishedSchema, { outcome });
    registered.end(status, finished);
    send({ case: "finished", value: finished });
  };
  let brokenOff = false;
  running.done.then(
    (summary) => end({ case: "summary", value: summaryToWire(summary) }, summary.status),
    (thrown) => end(failureFrom(thrown).outcome, brokenOff ? "interrupted" : "failed"),
  ).finally(() => {
    clearInterval(timer);
    ofTheJob.dispose();
    out.end();
  });
  if (request.detach) {
    yield create(FetchResponseSchema, { message: { case: "jobId", value: BigInt(registered.id) } });
    out.end();
    return;
  }
  context.signal.addEventListener("abort", () => {
    brokenOff = true;
    running.lost(new ConnectionLost("failed", ConnectError.from(context.signal.reason).rawMessage));
  });
  try {
    yield* out;
  } finally {
    running.stop();
  }
}

/** Raises invalid_argument. */
function readSource(
  { sourceHost: host, sourcePort: port, sourceModule: module, sourcePath }: FetchRequest,
): RemoteEndpoint {
  if (port < 1 || port > 65535) throw new ConnectError(`Cannot fetch from port ${port}`, Code.InvalidArgument);
  if (!isModuleName(module)) {
    const shown = printablePath(module.slice(0, 200));
    throw new ConnectError(`Cannot fetch from "${shown}": no module has such a name`, Code.InvalidArgument);
  }
  return { host, port, module, path: checkPath(sourcePath), contents: true };
}
