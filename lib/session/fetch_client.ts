/** A job between two daemons: the destination's is told to fetch, and what happens there is told here. */

import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { BlitError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import type { ControlChannel } from "../carrier/control.ts";
import { formatDaemon, type RemoteEndpoint } from "../endpoint/remote.ts";
import type { EventSink, Progress, Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import { eventFromWire, progressFromWire, summaryFromWire } from "../wire/event_codec.ts";
import { SummarySchema, TransferService } from "../wire/gen/blit/v1/transfer_pb.ts";
import { jobToWire } from "../wire/job_codec.ts";
import { failureOf, lossOf, waitingNotice } from "./client_stream.ts";
import { idleProgress } from "./idle_progress.ts";
import type { RunningJob } from "./run.ts";

export interface FetchOptions {
  readonly job: Job;
  readonly source: RemoteEndpoint;
  readonly destination: RemoteEndpoint;
  /** To the destination's daemon; it stays open. */
  readonly channel: ControlChannel;
  readonly entry?: { readonly source: string; readonly destination: string };
  readonly filterPrefix: string;
  readonly removeRoot: boolean;
  readonly sink: EventSink;
}

/** Starts at once. With `detach`, `done` resolves with an empty score as soon as the job runs. */
export function startFetch(options: FetchOptions): RunningJob {
  const fetching = new Fetching(options);
  return { progress: () => fetching.progress, done: fetching.execute(), stop: () => fetching.stop() };
}

class Fetching {
  progress: Progress = idleProgress;
  #stop = () => {};
  readonly #stopping = new Promise<void>((resolve) => this.#stop = resolve);

  constructor(private readonly options: FetchOptions) {}

  async execute(): Promise<Summary> {
    const { job, source, destination, channel, entry, filterPrefix, removeRoot } = this.options;
    const detach = job.network?.detach ?? false;
    const client = createClient(TransferService, channel.transport);
    try {
      const answers = client.fetch({
        open: {
          module: destination.module,
          path: pathToBytes(destination.path),
          job: jobToWire(job),
          entry: entry && { source: pathToBytes(entry.source), destination: pathToBytes(entry.destination) },
          filterPrefix: pathToBytes(filterPrefix),
          removeRoot,
        },
        sourceHost: source.host,
        sourcePort: source.port,
        sourceModule: source.module,
        sourcePath: pathToBytes(source.path),
        detach,
      });
      let told = false;
      for await (const { message } of answers) {
        switch (message.case) {
          case "jobId":
            if (detach) return this.#detached(message.value);
            void this.#stopping.then(() => client.cancelJob({ id: message.value, byItsClient: true })).catch(() => {});
            break;
          case "waiting":
            if (!told) this.options.sink(waitingNotice(message.value));
            told = true;
            break;
          case "happened":
            for (const wire of message.value.events) {
              const event = eventFromWire(wire);
              if (event) this.options.sink(event);
            }
            break;
          case "progress":
            this.progress = progressFromWire(message.value);
            break;
          case "finished": {
            const { outcome } = message.value;
            if (outcome.case === "summary") return summaryFromWire(outcome.value, job);
            throw failureOf(outcome.value);
          }
        }
      }
      throw new BlitError("failed", "The daemon ended the transfer before it was done");
    } catch (error) {
      throw lossOf(destination, error);
    }
  }

  #detached(id: bigint): Summary {
    const { job, sink, destination } = this.options;
    const daemon = formatDaemon(destination);
    sink({
      type: "notice",
      kind: "detached",
      message:
        `the job runs on ${destination.host} as number ${id}; follow it with \`blit jobs watch ${daemon} ${id}\``,
    });
    return summaryFromWire(create(SummarySchema, { status: "ok", route: "detached" }), job);
  }

  stop(): void {
    this.#stop();
  }
}
