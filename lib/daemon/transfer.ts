/**
 * TransferService.Transfer: one transfer, of which the daemon plays the source (pull) or the destination (push).
 *
 * States: opened (the place is entered, its directory resolved beneath the module) -> accepted -> running -> finished. Whatever ends the
 * stream ends the role, and with it everything that it holds.
 */

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { BlitError } from "../base/errors.ts";
import { every } from "../base/timers.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import { InlineLane } from "../carrier/inline_lane.ts";
import { ConnectionLost, signEveryMs } from "../carrier/liveness.ts";
import { MessageStream } from "../carrier/message_stream.ts";
import type { Job } from "../model/job.ts";
import { openingMs } from "../native/aside.ts";
import { openBeneath, reasonOf, removeBeneath } from "../native/beneath.ts";
import { closeDescriptor } from "../native/descriptors.ts";
import { EIO, errnoOf } from "../native/errno.ts";
import { failureFrom } from "../session/client_stream.ts";
import {
  CANCELLED,
  type DestinationRole,
  openDestination,
  type OpenedDestination,
  type RemotePlacement,
  startDestination,
} from "../session/destination_role.ts";
import { type SourceRole, startSource } from "../session/source_role.ts";
import { progressToWire, summaryToWire } from "../wire/event_codec.ts";
import {
  Direction,
  type Finished,
  FinishedSchema,
  type Open,
  type Progress,
  type TransferRequest,
  type TransferResponse,
  TransferResponseSchema,
} from "../wire/gen/blit/v1/transfer_pb.ts";
import { featuresHere, KEEP_ALIVE_MINOR, protocolVersion } from "../wire/protocol.ts";
import { callKey } from "./calls.ts";
import { EventFeed } from "./event_feed.ts";
import type { RunningJob } from "./jobs.ts";
import { type Opened, readOpen } from "./opened.ts";
import { enterPlace, joinPath, type Place } from "./place.ts";
import { openRoots } from "./roots.ts";
import type { DaemonState } from "./state.ts";
import { asStatus } from "./status.ts";
import { waitForTurn } from "./transfer_turn.ts";

const inlineLanesMax = 8;

type Response = TransferResponse["message"];

export async function* transfer(
  daemon: DaemonState,
  requests: AsyncIterable<TransferRequest>,
  context: HandlerContext,
): AsyncGenerator<TransferResponse> {
  const incoming = requests[Symbol.asyncIterator]();
  const first = await incoming.next();
  const open = first.done ? undefined : first.value.message;
  if (open?.case !== "open") throw new ConnectError("A transfer begins with Open", Code.InvalidArgument);
  checkVersion(open.value);
  const opened = readOpen(open.value, daemon.config.limits.stallMs);
  const { job } = opened;
  const pulls = open.value.direction === Direction.PULL;
  // A dry run is refused where the real run would be.
  const changes = pulls ? job.verb === "move" : job.verb !== "check";
  using place = enterPlace(daemon.modules, context, open.value, changes ? "change" : "read");
  using turn = daemon.calls.transfers.take();
  for await (const waiting of waitForTurn(daemon, turn, job, context)) {
    if (open.value.protocolMinor >= KEEP_ALIVE_MINOR) {
      yield create(TransferResponseSchema, { message: { case: "waiting", value: waiting } });
    }
  }
  const served = pulls
    ? new ServedSource(daemon, open.value, job, place, context)
    : new ServedDestination(daemon, open.value, opened, place, context);
  try {
    await served.start();
    void served.read(incoming);
    yield* served.out;
    if (served.failure) throw served.failure;
  } finally {
    await served.close();
  }
}

function checkVersion(open: Open): void {
  const { major, minor } = protocolVersion;
  if (open.protocolMajor !== major) {
    throw new ConnectError(
      `Cannot work together: the client speaks protocol ${open.protocolMajor}.${open.protocolMinor}, ` +
        `this daemon ${major}.${minor}`,
      Code.FailedPrecondition,
    );
  }
  const missing = open.requiredFeatures.filter((feature) => !featuresHere.includes(feature));
  if (missing.length > 0) {
    throw new ConnectError(
      `Cannot work together: the client needs ${missing.join(", ")}, this daemon has ${featuresHere.join(", ")}`,
      Code.FailedPrecondition,
    );
  }
  if (open.direction !== Direction.PUSH && open.direction !== Direction.PULL) {
    throw new ConnectError("Open says no direction", Code.InvalidArgument);
  }
}

/** What push and pull have in common: the stream, lanes, and the job in the registry. */
abstract class Served {
  readonly out = new MessageStream<TransferResponse>();
  failure: unknown;
  protected job_: RunningJob | undefined;
  readonly #inline: InlineLane[] = [];
  #lanes: Disposable | undefined;
  #stopShowing = () => {};
  /** What it has of the daemon's threads and lanes. */
  readonly #shares = new DisposableStack();
  #closed = false;

  constructor(
    protected readonly daemon: DaemonState,
    protected readonly open: Open,
    protected readonly job: Job,
    protected readonly place: Place,
    protected readonly context: HandlerContext,
  ) {}

  /** Raises ConnectError when the transfer cannot begin. */
  async start(): Promise<void> {
    const { daemon, open, job, place, context } = this;
    await this.prepare();
    const call = context.values.get(callKey)!;
    this.job_ = daemon.jobs.begin({
      verb: job.verb,
      direction: open.direction === Direction.PULL ? "pull" : "push",
      place: place.shown(),
      cancel: () => this.cancel(),
      interrupt: () => this.stop(),
      progress: () => this.progress(),
      bytesSent: () => this.bytesSent(),
    }, call);
    const { silentMs } = daemon.config.limits;
    const congestion = job.network?.congestion ?? "";
    const lanesMax = this.#shares.use(daemon.lanes.take(daemon.config.limits.lanes)).count;
    const lanes = daemon.dataPort.expect(congestion, lanesMax, (descriptor) => this.addLane(descriptor));
    this.#lanes = lanes;
    this.send({
      case: "accept",
      value: {
        $typeName: "blit.v1.Accept",
        protocolMajor: protocolVersion.major,
        protocolMinor: protocolVersion.minor,
        features: [...featuresHere],
        jobId: BigInt(this.job_.id),
        patienceMs: silentMs,
        dataTransfer: {
          $typeName: "blit.v1.DataTransferNegotiation",
          tcpPort: daemon.dataPort.port,
          oneTimeToken: lanes.token,
          lanesMax,
          congestionControl: congestion,
        },
      },
    });
    if (open.protocolMinor >= KEEP_ALIVE_MINOR) call.patienceMs = silentMs;
    this.#stopShowing = every(signEveryMs(job.stallTimeoutMs), () => {
      if (this.out.idle) void this.send({ case: "keepAlive", value: { $typeName: "blit.v1.KeepAlive" } });
    });
    this.begin();
    context.signal.addEventListener("abort", () => this.breakOff(ConnectError.from(context.signal.reason)));
  }

  /** Takes what comes until the client is done or gone. */
  async read(incoming: AsyncIterator<TransferRequest>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await incoming.next();
        if (done || this.#closed) break;
        await this.#take(value.message);
      }
      this.clientLeft();
    } catch (error) {
      this.fail(error);
    }
  }

  async #take(message: TransferRequest["message"]): Promise<void> {
    switch (message.case) {
      case "cancel":
        return this.stop();
      case "useInline":
        return this.#useInline(message.value.lanes);
      case "laneData":
        return await this.#inline[message.value.lane]?.receive(message.value.data);
      case "keepAlive":
        return;
      default:
        return this.take(message);
    }
  }

  #useInline(lanes: number): void {
    if (this.#inline.length > 0 || lanes < 1 || lanes > inlineLanesMax) {
      throw new ConnectError(`Cannot begin ${lanes} lanes inside the stream`, Code.InvalidArgument);
    }
    for (let number = 0; number < lanes; number++) {
      const lane = new InlineLane((data) =>
        this.send({ case: "laneData", value: { $typeName: "blit.v1.LaneData", lane: number, data } })
      );
      this.#inline.push(lane);
      void this.addLane(lane.descriptor);
    }
  }

  protected send(message: Response): Promise<void> {
    return this.out.send(create(TransferResponseSchema, { message } as never));
  }

  protected fail(error: unknown): void {
    if (this.#closed) return;
    this.failure ??= error instanceof ConnectError
      ? error
      : new ConnectError(BlitError.from(error).message, Code.InvalidArgument);
    this.out.end();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopShowing();
    this.#lanes?.[Symbol.dispose]();
    await this.closeRole();
    for (const lane of this.#inline) lane.end();
    this.#shares.dispose();
    this.job_?.end("interrupted");
  }

  protected bytesSent(): number {
    return 0;
  }

  protected grantWorkers(wanted: number): number {
    return this.#shares.use(this.daemon.workers.take(wanted)).count;
  }

  protected abstract prepare(): Promise<void>;
  protected abstract begin(): void;
  protected abstract take(message: TransferRequest["message"]): void;
  protected abstract addLane(descriptor: number): Promise<boolean>;
  protected abstract clientLeft(): void;
  /** The client asks for it. */
  protected abstract stop(): void;
  /** Somebody else asks for it: the client must not begin anew. */
  protected abstract cancel(): void;
  /** The daemon is stopping, or the client is gone: a client that is there may begin anew. */
  protected abstract breakOff(why: ConnectError): void;
  protected abstract progress(): Progress | undefined;
  protected abstract closeRole(): Promise<void>;
}

class ServedSource extends Served {
  #role: SourceRole | undefined;
  #sent = 0;

  protected override async prepare(): Promise<void> {
    const { place, job } = this;
    const descriptor = await openBeneath(place.root, place.path, openingMs(job.stallTimeoutMs)).catch((error) => {
      throw asStatus("open", place.shown(), error);
    });
    if (descriptor === undefined) throw new ConnectError(`Cannot find "${place.shown()}"`, Code.NotFound);
    try {
      this.#role = await startSource({
        root: `/proc/self/fd/${descriptor}`,
        path: joinPath(place.root, place.path),
        job,
        grantWorkers: (wanted) => this.grantWorkers(wanted),
        answer: (answers) => void this.send({ case: "answers", value: answers }),
        removeRoot: () => removeDirectory(place),
      });
    } finally {
      closeDescriptor(descriptor);
    }
  }

  protected override begin(): void {}

  protected override take(message: TransferRequest["message"]): void {
    if (message.case === "requests") this.#role!.handle(message.value);
    else if (message.case === "finished") this.#finished(message.value);
  }

  #finished(finished: Finished): void {
    this.job_?.end(finished.outcome.case === "summary" ? finished.outcome.value.status : "failed", finished);
    this.out.end();
  }

  protected override addLane(descriptor: number): Promise<boolean> {
    return this.#role!.addLane(descriptor);
  }

  protected override clientLeft(): void {
    this.out.end();
  }

  protected override stop(): void {
    this.fail(new ConnectError("The transfer was stopped", Code.Canceled));
  }

  protected override cancel(): void {
    this.fail(new ConnectError(CANCELLED, Code.Canceled));
  }

  protected override breakOff(why: ConnectError): void {
    this.fail(why);
  }

  protected override progress(): Progress | undefined {
    return undefined;
  }

  protected override bytesSent(): number {
    return this.#sent || (this.#role?.bytesMoved() ?? 0);
  }

  protected override async closeRole(): Promise<void> {
    this.#sent = this.bytesSent();
    await this.#role?.close();
  }
}

class ServedDestination extends Served {
  #role: DestinationRole | undefined;
  #placement: RemotePlacement | undefined;
  #ready: OpenedDestination | undefined;
  readonly #feed = new EventFeed((events) => {
    void this.send({ case: "happened", value: { $typeName: "blit.v1.Happened", events } });
  });

  constructor(
    daemon: DaemonState,
    open: Open,
    private readonly opened: Opened,
    place: Place,
    context: HandlerContext,
  ) {
    super(daemon, open, opened.job, place, context);
  }

  protected override async prepare(): Promise<void> {
    const { job, ...placement } = this.opened;
    using roots = await openRoots(this.place, job, this.open);
    const { destinationRoot, destinationPath, backupRoot, fresh } = roots;
    this.#placement = {
      destinationRoot,
      destinationPath,
      backupRoot,
      fresh,
      counted: fresh,
      ...placement,
      withhold: !this.place.privileged,
    };
    const grantWorkers = (wanted: number) => this.grantWorkers(wanted);
    this.#ready = await openDestination({ job, placement: this.#placement, grantWorkers });
  }

  protected override begin(): void {
    this.#role = startDestination({
      job: this.job,
      placement: this.#placement!,
      ask: (requests) => void this.send({ case: "requests", value: requests }),
      sink: (event) => this.#feed.add(event),
    }, this.#ready!);
    const stopTelling = this.#tellProgress();
    this.#role.done.then(
      (summary) => this.#end({ case: "summary", value: summaryToWire(summary) }, summary.status),
      (thrown) => this.#end(failureFrom(thrown).outcome, this.context.signal.aborted ? "interrupted" : "failed"),
    ).finally(stopTelling);
  }

  #end(outcome: Finished["outcome"], status: string): void {
    this.#feed.flush();
    const finished = create(FinishedSchema, { outcome });
    this.job_?.end(status, finished);
    void this.send({ case: "finished", value: finished });
    this.out.end();
  }

  /** Several times a second, when there is something new. */
  #tellProgress(): () => void {
    let told = "";
    const timer = setInterval(() => {
      this.#feed.flush();
      const progress = this.#role!.progress();
      const { waits: _, ...news } = progress;
      const text = JSON.stringify(news);
      if (text === told) return;
      told = text;
      void this.send({ case: "progress", value: progressToWire(progress) });
    }, 200);
    return () => clearInterval(timer);
  }

  protected override take(message: TransferRequest["message"]): void {
    if (message.case === "answers") this.#role!.handle(message.value);
  }

  protected override addLane(descriptor: number): Promise<boolean> {
    return this.#role!.addLane(descriptor);
  }

  protected override clientLeft(): void {
    this.#role?.lost(new BlitError("failed", "The client left"));
  }

  protected override stop(): void {
    this.#role?.stop();
  }

  protected override cancel(): void {
    this.#role?.cancel();
  }

  protected override breakOff(why: ConnectError): void {
    this.#role?.lost(new ConnectionLost("failed", why.rawMessage));
  }

  protected override progress(): Progress | undefined {
    return this.#role && progressToWire(this.#role.progress());
  }

  protected override async closeRole(): Promise<void> {
    if (this.#role === undefined) return void await this.#ready?.engine.close(0);
    this.#role.stop();
    await this.#role.done.catch(() => {});
  }
}

/** A move took everything out of it. Returns the system's number of the error, 0 for none. */
async function removeDirectory(place: Place): Promise<number> {
  if (place.path === "") return 0; // the module itself stays
  const at = place.path.lastIndexOf("/");
  const name = pathToBytes(place.path.slice(at + 1));
  const above = joinPath(place.path.slice(0, Math.max(at, 0)), "");
  const [error] = await removeBeneath(place.root, above, [name], "directories").catch((thrown) => [reasonOf(thrown)]);
  return error === undefined ? 0 : errnoOf(error.code) ?? EIO;
}
