/** A transfer whose destination is a daemon: the source's role is played here, and what happens there is told here. */

import { BlitError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import type { ControlChannel } from "../carrier/control.ts";
import type { RemoteEndpoint } from "../endpoint/remote.ts";
import type { EventSink, Progress, Summary } from "../model/event.ts";
import { defaultNetwork, type Job } from "../model/job.ts";
import { eventFromWire, progressFromWire, summaryFromWire } from "../wire/event_codec.ts";
import { Direction } from "../wire/gen/blit/v1/transfer_pb.ts";
import { jobToWire } from "../wire/job_codec.ts";
import { ClientStream, failureOf } from "./client_stream.ts";
import { idleProgress } from "./idle_progress.ts";
import type { RunningJob } from "./run.ts";
import { type SourceRole, startSource } from "./source_role.ts";

export interface PushOptions {
  readonly job: Job;
  readonly sourceRoot: string;
  /** The directory at the daemon that is the destination's root. */
  readonly destination: RemoteEndpoint;
  /** To that daemon; it stays open. */
  readonly channel: ControlChannel;
  readonly entry?: { readonly source: string; readonly destination: string };
  readonly filterPrefix: string;
  readonly removeRoot: boolean;
  /** See SourceOptions.removeRoot. */
  removeSourceRoot(): number;
  readonly sink: EventSink;
}

/** Starts at once. `done` rejects with BlitError, ConnectionLost where another attempt may succeed. */
export function startPush(options: PushOptions): RunningJob {
  const push = new Push(options);
  return { progress: () => push.progress, done: push.execute(), stop: () => push.stop() };
}

class Push {
  progress: Progress = idleProgress;
  #stream: ClientStream | undefined;
  #stopped = false;

  constructor(private readonly options: PushOptions) {}

  async execute(): Promise<Summary> {
    const { job, destination, entry, filterPrefix, removeRoot, sink } = this.options;
    const network = job.network ?? defaultNetwork;
    const stream = new ClientStream(destination, this.options.channel, network, sink);
    let role: SourceRole | undefined;
    try {
      await stream.begin({
        direction: Direction.PUSH,
        module: destination.module,
        path: pathToBytes(destination.path),
        job: jobToWire(job),
        entry: entry && { source: pathToBytes(entry.source), destination: pathToBytes(entry.destination) },
        filterPrefix: pathToBytes(filterPrefix),
        removeRoot,
      });
      this.#stream = stream;
      role = await startSource({
        root: this.options.sourceRoot,
        job,
        entry: entry?.source,
        answer: (answers) => void stream.send({ case: "answers", value: answers }),
        removeRoot: removeRoot ? () => this.options.removeSourceRoot() : undefined,
      });
      if (this.#stopped) this.stop();
      const reading = this.#read(stream, role);
      // Whatever the reading ends with is seen below.
      reading.catch(() => {});
      await stream.makeLanes(role, () => this.progress.bytesDone);
      return { ...await reading, tcpFallbackUsed: stream.usesInline };
    } finally {
      this.#stream = undefined;
      stream.end();
      await role?.close();
    }
  }

  async #read(stream: ClientStream, role: SourceRole): Promise<Summary> {
    const { job, sink } = this.options;
    for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
      switch (message.case) {
        case "requests":
          role.handle(message.value);
          break;
        case "happened":
          for (const wire of message.value.events) {
            const event = eventFromWire(wire);
            if (event) sink(event);
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
  }

  stop(): void {
    this.#stopped = true;
    void this.#stream?.send({ case: "cancel", value: { $typeName: "blit.v1.Cancel" } });
  }
}
