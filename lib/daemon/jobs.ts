/** The transfers of a daemon: those that run, and the last that ended. What they are called is for people; how each ended is logged. */

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  type CancelJobRequest,
  type Finished,
  type JobState,
  JobStateSchema,
  type Progress,
  type WatchJobResponse,
  WatchJobResponseSchema,
} from "../wire/gen/blit/v1/transfer_pb.ts";
import { type Call, loggedCharsMax } from "./calls.ts";
import type { Log } from "./log.ts";

const endedKept = 100;
const watchEveryMs = 200;

export interface JobFacts {
  readonly verb: string;
  readonly direction: "push" | "pull" | "fetch";
  /** "module/path" here. */
  readonly place: string;
  /** Of a fetch. */
  readonly source?: string;
  /** Asks it to stop, for somebody else than its client. */
  cancel(): void;
  /** Asks it to stop, for its client. */
  interrupt(): void;
  progress(): Progress | undefined;
  /** Of a pull: what the source has sent. */
  bytesSent?(): number;
}

export class RunningJob {
  finished: Finished | undefined;
  status = "running";
  /** Somebody has asked it to stop; it may be done all the same. */
  cancelled = false;
  #last: Progress | undefined;
  readonly #startedSeconds = Date.now() / 1000;

  readonly #startedMs = performance.now();

  constructor(readonly id: number, readonly facts: JobFacts, private readonly call: Call, private readonly log: Log) {
    call.job = id;
  }

  /** `status`: as in Summary. */
  end(status: string, finished?: Finished): void {
    if (this.status !== "running") return;
    this.#last = this.facts.progress();
    const isCutShort = status === "failed" || status === "interrupted";
    this.status = this.cancelled && isCutShort ? "cancelled" : status;
    this.finished = finished;
    this.#tell();
  }

  /** The call may be over, or go on without a word about how the job fared. */
  #tell(): void {
    const { facts, call, status, finished } = this;
    const { outcome } = finished ?? {};
    const error = outcome?.case === "error" ? outcome.value.message : undefined;
    if (status !== "ok" && call.code === "ok") [call.code, call.error] = [status, error];
    const summary = outcome?.case === "summary" ? outcome.value : undefined;
    this.log.write(status === "ok" ? "info" : "warning", "job", {
      job: this.id,
      verb: facts.verb,
      direction: facts.direction,
      client: call.client.address,
      place: facts.place.slice(0, loggedCharsMax),
      source: facts.source?.slice(0, loggedCharsMax),
      status,
      files: Number(summary?.filesTransferred ?? this.#last?.filesDone ?? 0),
      bytes: Number(summary?.bytesTransferred ?? this.#last?.bytesDone ?? facts.bytesSent?.() ?? 0),
      error: error?.slice(0, loggedCharsMax),
      ms: Math.round(performance.now() - this.#startedMs),
    });
  }

  get state(): JobState {
    const { verb, direction, place, source } = this.facts;
    return create(JobStateSchema, {
      id: BigInt(this.id),
      verb,
      direction,
      client: this.call.client.address,
      place,
      source: source ?? "",
      started: this.#startedSeconds,
      status: this.status,
      progress: this.status === "running" ? this.facts.progress() : this.#last,
      finished: this.finished,
    });
  }
}

export class JobRegistry {
  readonly #jobs = new Map<number, RunningJob>();
  #nextId = 1;

  constructor(private readonly log: Log) {}

  begin(facts: JobFacts, call: Call): RunningJob {
    const job = new RunningJob(this.#nextId++, facts, call, this.log);
    this.#jobs.set(job.id, job);
    const ended = [...this.#jobs.values()].filter(({ status }) => status !== "running");
    for (const old of ended.slice(0, -endedKept)) this.#jobs.delete(old.id);
    return job;
  }

  get running(): RunningJob[] {
    return [...this.#jobs.values()].filter(({ status }) => status === "running");
  }

  /** The newest first. */
  list(): JobState[] {
    return [...this.#jobs.values()].reverse().map(({ state }) => state);
  }

  cancel({ id, byItsClient }: CancelJobRequest): boolean {
    const job = this.#get(id);
    if (job.status !== "running") return false;
    if (byItsClient) job.facts.interrupt();
    else {
      job.cancelled = true;
      job.facts.cancel();
    }
    return true;
  }

  async *watch(id: bigint, { signal }: HandlerContext): AsyncGenerator<WatchJobResponse> {
    const job = this.#get(id);
    for (;;) {
      const running = job.status === "running";
      yield create(WatchJobResponseSchema, { job: job.state });
      if (!running || signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, watchEveryMs));
    }
  }

  #get(id: bigint): RunningJob {
    const job = this.#jobs.get(Number(id));
    if (job === undefined) throw new ConnectError(`Cannot find the job ${id}`, Code.NotFound);
    return job;
  }
}
