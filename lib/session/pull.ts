/** A transfer whose source is a daemon: the destination's role is played here. */

import { create } from "@bufbuild/protobuf";
import { BlitError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import type { ControlChannel } from "../carrier/control.ts";
import type { RemoteEndpoint } from "../endpoint/remote.ts";
import type { EventSink, Progress, Summary } from "../model/event.ts";
import { defaultNetwork, type Job } from "../model/job.ts";
import { settlesWithin } from "../native/patience.ts";
import { summaryToWire } from "../wire/event_codec.ts";
import { Direction, type Finished, FinishedSchema } from "../wire/gen/blit/v1/transfer_pb.ts";
import { jobToWire } from "../wire/job_codec.ts";
import type { SourceRequests } from "../wire/gen/blit/v1/source_pb.ts";
import { ClientStream, failureFrom, isCancelled } from "./client_stream.ts";
import {
  CANCELLED,
  type DestinationRole,
  openDestination,
  type RemotePlacement,
  startDestination,
} from "./destination_role.ts";
import { idleProgress } from "./idle_progress.ts";
import type { RunningJob } from "./run.ts";

/** How long a daemon that is not needed any more is waited for. */
const LEAVING_MS = 500;

export interface PullOptions {
  readonly job: Job;
  /** The directory at the daemon that is the source's root. */
  readonly source: RemoteEndpoint;
  /** To that daemon; it stays open. */
  readonly channel: ControlChannel;
  readonly placement: RemotePlacement;
  /** What it may have of the machine, where it shares that with other transfers. */
  readonly bounds?: { readonly lanes: number; grantWorkers(wanted: number): number };
  readonly sink: EventSink;
}

/** What may end it before it is done: see DestinationRole. */
export interface RunningPull extends RunningJob {
  lost(error: BlitError): void;
  cancel(): void;
}

/** Starts at once. `done` rejects with BlitError, ConnectionLost where another attempt may succeed. */
export function startPull(options: PullOptions): RunningPull {
  let role: DestinationRole | undefined;
  let last: Progress = idleProgress;
  // Until the source has accepted the transfer, which may take as long as its line is, there is nothing else to end.
  const waiting = Promise.withResolvers<never>();
  waiting.promise.catch(() => {});
  const end = (ended: (role: DestinationRole) => void, error: BlitError) => {
    if (role !== undefined) ended(role);
    else waiting.reject(error);
  };
  return {
    progress: () => last = role?.progress() ?? last,
    done: pull(options, waiting.promise, (begun) => role = begun),
    stop: () => end((role) => role.stop(), new BlitError("interrupted", "The transfer was stopped")),
    cancel: () => end((role) => role.cancel(), new BlitError("failed", CANCELLED)),
    lost: (error) => end((role) => role.lost(error), error),
  };
}

async function pull(
  { job, source, channel, placement, bounds, sink }: PullOptions,
  ended: Promise<never>,
  begun: (role: DestinationRole) => void,
): Promise<Summary> {
  const network = job.network ?? defaultNetwork;
  const stream = new ClientStream(source, channel, network, sink, bounds?.lanes);
  try {
    const beginning = stream.begin({
      direction: Direction.PULL,
      module: source.module,
      path: pathToBytes(source.path),
      job: jobToWire({ ...job, backupDir: undefined }), // a place of this machine
      removeRoot: placement.removeRoot,
    });
    await Promise.race([beginning, ended]);
    const opening = openDestination({ job, placement, grantWorkers: bounds?.grantWorkers });
    const opened = await Promise.race([opening, ended]).catch((error) => {
      opening.then(({ engine }) => engine.close(), () => {});
      throw error;
    });
    const ask = (requests: SourceRequests) => void stream.send({ case: "requests", value: requests });
    const role = startDestination({ job, placement, ask, sink }, opened);
    // What it ends with is seen below; it may end before any lane is made.
    role.done.catch(() => {});
    begun(role);
    const reading = read(stream, role);
    await stream.makeLanes(role, () => role.bytesMoved());
    // Where the daemon has gone, what is sent is never taken.
    const tell = (value: Finished) => Promise.race([stream.send({ case: "finished", value }), reading]);
    const summary = await role.done.catch(async (error) => {
      await settlesWithin(tell(failureFrom(error)), LEAVING_MS);
      throw error;
    });
    const finished = create(FinishedSchema, { outcome: { case: "summary", value: summaryToWire(summary) } });
    const left = tell(finished).then(() => {
      stream.end();
      return reading;
    });
    if (summary.status === "interrupted") await settlesWithin(left, LEAVING_MS);
    else await left;
    return { ...summary, tcpFallbackUsed: stream.usesInline };
  } finally {
    stream.end();
  }
}

/** Hands answers over until the stream ends. */
async function read(stream: ClientStream, role: DestinationRole): Promise<void> {
  try {
    for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
      if (message.case === "answers") role.handle(message.value);
    }
    role.lost(new BlitError("failed", "The daemon ended the transfer before it was done"));
  } catch (error) {
    if (isCancelled(error)) role.cancel();
    else role.lost(BlitError.from(error));
  }
}
