/**
 * One job between machines from start to summary: places its arguments, carries out each source in turn as a push, a pull or a fetch
 * from daemon to daemon, begins anew what broke off, and adds up the score.
 */

import { createClient } from "@connectrpc/connect";
import { usageError } from "../base/errors.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import { type ControlChannel, daemonError, openControlChannel } from "../carrier/control.ts";
import { ConnectionLost, LanesUseless } from "../carrier/liveness.ts";
import { refuseBackup, refuseBackupBeneath } from "../endpoint/backup_place.ts";
import { type DaemonAddress, parseRemote, type RemoteEndpoint } from "../endpoint/remote.ts";
import { type Endpoint, type EndpointPair, placeBetween } from "../endpoint/remote_place.ts";
import type { EventSink, Progress, Summary } from "../model/event.ts";
import { defaultNetwork, type Job } from "../model/job.ts";
import { makeDirectory, pathFacts, removeEmptyDirectory } from "../native/paths.ts";
import { tendConnections } from "../native/sockets.ts";
import { TransferService } from "../wire/gen/blit/v1/transfer_pb.ts";
import { type Claims, ClaimTable } from "./claims.ts";
import { isBusy, lossOf } from "./client_stream.ts";
import { deepDestination, depthDoubts, type Doubt } from "./doubts.ts";
import { startFetch } from "./fetch_client.ts";
import { idleProgress } from "./idle_progress.ts";
import { startPull } from "./pull.ts";
import { startPush } from "./push.ts";
import type { RunningJob } from "./run.ts";
import { addSummaries } from "./summaries.ts";

const WAIT_MOST_MS = 60_000;

/** Starts at once. Events come synchronously while the job runs. */
export function startTransfer(job: Job, sink: EventSink): RunningJob {
  const run = new TransferRun(job, sink);
  return { progress: () => run.progress(), done: run.execute(), stop: () => run.stop() };
}

class TransferRun {
  #current: RunningJob | undefined;
  #stopped = false;
  #wake = () => {};
  #last: Progress = idleProgress;

  /** By daemon: what is asked before a transfer and the transfer itself share a connection. */
  readonly #channels = new Map<string, ControlChannel>();
  /** What was remarked, by whichever side. */
  readonly #notices = new Set<string>();
  /** Nothing comes through other connections. */
  #inline = false;
  /** Failures that were told, by whichever side. */
  #failures = 0;
  private readonly sink: EventSink;

  constructor(private readonly job: Job, sink: EventSink) {
    this.sink = (event) => {
      if (event.type === "notice") this.#notices.add(event.message);
      if (event.type === "failure") this.#failures++;
      sink(event);
    };
  }

  async execute(): Promise<Summary> {
    await Promise.resolve();
    try {
      return await this.#transferAll();
    } finally {
      this.#hangUp();
    }
  }

  async #transferAll(): Promise<Summary> {
    const [pairs] = await Promise.all([
      placeBetween(this.job, (endpoint) => this.#withRetries(() => this.#locate(endpoint))),
      this.#doubtDestination(),
    ]);
    for (const { destination, entry } of pairs) this.#refuseBackup(destination, entry !== undefined);
    const summaries: Summary[] = [];
    const table = new ClaimTable();
    for (const [i, pair] of pairs.entries()) {
      if (this.#stopped && summaries.length > 0) break;
      const { merges, destination } = pair;
      const claims = merges && "local" in destination ? table.of(i, destination.local) : undefined;
      summaries.push(await this.#withRetries(() => this.#transfer(pair, claims)));
      if (summaries.at(-1)!.status === "failed") break;
    }
    const sum = addSummaries(summaries, this.#stopped);
    return { ...sum, notices: [...new Set([...this.#notices, ...sum.notices])] };
  }

  /** Of the destination's mount point whoever plays its role will tell. */
  async #doubtDestination(): Promise<void> {
    const { verb, destination } = this.job;
    if (destination === undefined || verb === "check") return;
    const remote = parseRemote(destination);
    const say = (doubt: Doubt) => this.sink({ type: "notice", ...doubt });
    if (remote === undefined) return depthDoubts(destination).forEach(say);
    const above = remote.path.split("/").slice(0, -2).join("/");
    // What cannot be asked is no doubt: the transfer itself will say what is wrong.
    const isDeep = above !== "" &&
      await this.#locate({ ...remote, path: above }).then((kind) => kind === undefined, () => false);
    if (isDeep) say(deepDestination(destination));
  }

  async #locate(endpoint: RemoteEndpoint): Promise<number | undefined> {
    const { module, path } = endpoint;
    const client = createClient(TransferService, this.#channelTo(endpoint).transport);
    try {
      const { kind } = await client.locate({ module, path: pathToBytes(path) });
      tendConnections(endpoint.port, this.job.stallTimeoutMs);
      return kind || undefined;
    } catch (error) {
      throw isBusy(error) ? lossOf(endpoint, error) : daemonError(endpoint, error);
    }
  }

  #channelTo({ host, port }: DaemonAddress): ControlChannel {
    const key = `${host} ${port}`;
    const channel = this.#channels.get(key) ?? openControlChannel({ host, port }, this.job.stallTimeoutMs);
    this.#channels.set(key, channel);
    return channel;
  }

  #hangUp(): void {
    for (const channel of this.#channels.values()) channel[Symbol.dispose]();
    this.#channels.clear();
  }

  async #transfer(pair: EndpointPair, claims: Claims | undefined): Promise<Summary> {
    const failuresBefore = this.#failures;
    try {
      const current = this.#current = this.#start(pair, claims);
      if (this.#stopped) current.stop();
      const summary = await current.done;
      // A daemon that has told of failures cannot then say that there were none.
      return summary.status === "ok" && this.#failures > failuresBefore ? { ...summary, status: "partial" } : summary;
    } catch (error) {
      // Which way content takes from daemon to daemon is not known here.
      const isOurs = "local" in pair.source || "local" in pair.destination;
      this.#inline ||= isOurs && error instanceof LanesUseless;
      throw error;
    } finally {
      this.#last = this.#current?.progress() ?? this.#last;
      this.#current = undefined;
    }
  }

  /** What broke off, or found the daemon busy, is begun anew: what a transfer has settled compares equal then. */
  async #withRetries<T>(attempt: () => Promise<T>): Promise<T> {
    const { retries, waitMs } = this.job.network ?? defaultNetwork;
    for (let tried = 0;; tried++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof ConnectionLost) || tried >= retries || this.#stopped) throw error;
        const pauseMs = Math.min(waitMs * 2 ** tried, WAIT_MOST_MS);
        const seconds = Math.round(pauseMs / 100) / 10;
        const how = this.#inline && error instanceof LanesUseless
          ? " inside the control channel, which is slower,"
          : "";
        this.sink({
          type: "notice",
          kind: `retry${tried}`,
          message: `${error.message}; trying again${how} in ${seconds} s (${tried + 1} of ${retries})`,
        });
        this.#hangUp();
        await this.#pause(pauseMs);
        if (this.#stopped) throw error;
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #start(pair: EndpointPair, claims: Claims | undefined): RunningJob {
    const { source, destination } = pair;
    if ("local" in source && "remote" in destination) return this.#push(pair, source.local, destination.remote);
    if ("remote" in source && "local" in destination) return this.#pull(pair, source.remote, destination.local, claims);
    if ("remote" in source && "remote" in destination) return this.#fetch(pair, source.remote, destination.remote);
    throw usageError("Cannot mix local sources with ones on other machines");
  }

  #push(pair: EndpointPair, sourceRoot: string, destination: RemoteEndpoint): RunningJob {
    const { entry, filterPrefix, removeRoot } = pair;
    const { sink } = this;
    return startPush({
      job: this.#jobFor(destination),
      sourceRoot,
      destination,
      channel: this.#channelTo(destination),
      entry,
      filterPrefix,
      removeRoot,
      removeSourceRoot: () => removeEmptyDirectory(sourceRoot),
      sink,
    });
  }

  #fetch(pair: EndpointPair, source: RemoteEndpoint, destination: RemoteEndpoint): RunningJob {
    const { entry, filterPrefix, removeRoot } = pair;
    return startFetch({
      job: this.#jobFor(destination),
      source,
      destination,
      channel: this.#channelTo(destination),
      entry,
      filterPrefix,
      removeRoot,
      sink: this.sink,
    });
  }

  /** The job as the next attempt is to do it. */
  get #attempt(): Job {
    const { job } = this;
    return this.#inline ? { ...job, network: { ...job.network ?? defaultNetwork, forceInline: true } } : job;
  }

  /** A backup directory is on the destination's machine, in the same module. */
  #jobFor(destination: RemoteEndpoint): Job {
    const job = this.#attempt;
    if (job.backupDir === undefined) return job;
    const backup = parseRemote(job.backupDir);
    const same = backup && backup.host === destination.host && backup.port === destination.port &&
      backup.module === destination.module;
    if (!same) {
      throw usageError(
        "The backup directory must be in the destination's module",
        `Write --backup-dir host:/${destination.module}/directory.`,
      );
    }
    return { ...job, backupDir: backup.path };
  }

  #refuseBackup(destination: Endpoint, single: boolean): void {
    const { backupDir } = this.job;
    if (backupDir === undefined) return;
    if ("remote" in destination) {
      return refuseBackupBeneath(
        this.#jobFor(destination.remote).backupDir!,
        destination.remote.path,
        backupDir,
        single,
      );
    }
    refuseBackup(backupDir, { destinationRoot: destination.local, single });
  }

  #pull(
    { entry, filterPrefix, removeRoot }: EndpointPair,
    source: RemoteEndpoint,
    root: string,
    claims: Claims | undefined,
  ): RunningJob {
    const { sink } = this;
    const job = this.#attempt;
    const readOnly = job.dryRun || job.verb === "check";
    const exists = pathFacts(root, true) !== undefined;
    if (!exists && !readOnly) makeDirectory(root, job.fsync);
    if (job.backupDir !== undefined && !readOnly) makeDirectory(job.backupDir, job.fsync);
    const backupRoot = job.backupDir !== undefined && pathFacts(job.backupDir, true) ? job.backupDir : undefined;
    const destinationRoot = exists || !readOnly ? root : undefined;
    const placement = {
      destinationRoot,
      backupRoot,
      destinationPath: root,
      fresh: !exists,
      counted: !exists,
      entry,
      filterPrefix,
      removeRoot,
      claims,
    };
    return startPull({ job, source, channel: this.#channelTo(source), placement, sink });
  }

  progress(): Progress {
    return this.#current?.progress() ?? this.#last;
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
    if (this.#current !== undefined) this.#current.stop();
    else this.#hangUp(); // it asks what stands where
  }
}
