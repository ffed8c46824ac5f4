/**
 * The client's end of one transfer: the stream to the daemon and the lanes beside it. A lane that ends while the transfer goes on is
 * dialled anew; where none can be had, content travels inside the stream.
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { BlitError } from "../base/errors.ts";
import { every, pause } from "../base/timers.ts";
import { formatCountOf } from "../base/units.ts";
import { type ControlChannel, daemonError } from "../carrier/control.ts";
import { InlineLane } from "../carrier/inline_lane.ts";
import { LaneCount } from "../carrier/lane_count.ts";
import { dialLane, type LaneAddress } from "../carrier/lanes.ts";
import { ConnectionLost, LanesUseless, PATIENCE_MS, signEveryMs } from "../carrier/liveness.ts";
import { MessageStream } from "../carrier/message_stream.ts";
import type { DaemonAddress } from "../endpoint/remote.ts";
import type { EventSink, NoticeEvent } from "../model/event.ts";
import type { NetworkOptions } from "../model/job.ts";
import { tendConnections } from "../native/sockets.ts";
import { processorCount } from "../tune/machine.ts";
import { failureToWire } from "../wire/event_codec.ts";
import type { Failure } from "../wire/gen/blit/v1/entry_pb.ts";
import {
  type Accept,
  type Finished,
  FinishedSchema,
  OpenSchema,
  type TransferRequest,
  TransferRequestSchema,
  type TransferResponse,
  TransferService,
  type Waiting,
} from "../wire/gen/blit/v1/transfer_pb.ts";
import { KEEP_ALIVE_MINOR, protocolVersion } from "../wire/protocol.ts";

const INLINE_LANES = 2;
/** What to begin with. Two fill a fast network as long as there are cores for them; a long path needs more, since each is held up by its own losses. */
const LANES_LEAST = 2;
const LANES_LONG_PATH = 8;
/** Making a connection takes one round trip. */
const LONG_PATH_MS = 10;
const LANES_TO_START_MOST = 8;
/** Between two looks at what the lanes bring. */
const LOOK_MS = 1000;
/** Between two attempts to dial a lane that ended. */
const REDIAL_MS = 200;
/** So many lanes that end before anything arrived say that the data port is somebody else's. */
const USELESS_MOST = 5;

/** In a Failure: what happened may work when it is tried again. */
export const CONNECTION_LOST = "connection_lost";
/** The same, but for other ways for content. */
const LANES_USELESS = "lanes_useless";

export interface LaneTaker {
  /** Whether the lane ended in order. */
  addLane(descriptor: number): Promise<boolean>;
  /** Ends one lane in order, unless it is the last. */
  retireLane(): void;
  bytesMoved(): number;
}

export class ClientStream {
  readonly #out = new MessageStream<TransferRequest>();
  readonly #inline: InlineLane[] = [];
  #responses: AsyncIterator<TransferResponse> | undefined;
  #accept: Accept | undefined;
  #taker: LaneTaker | undefined;
  #lanes = 0;
  /** A lane that ends is dialled anew only up to so many. */
  #lanesWanted = 0;
  /** Lanes that are about to be. */
  #coming = 0;
  #arrived = () => 0;
  /** Lanes that ended before anything arrived, one after the other. */
  #useless = 0;
  #stopLooking = () => {};
  #stopShowing = () => {};
  #closed = false;
  usesInline = false;

  /** The channel leads to that daemon, and stays open. */
  constructor(
    private readonly daemon: DaemonAddress,
    private readonly channel: ControlChannel,
    private readonly network: NetworkOptions,
    private readonly sink: EventSink,
    /** Most that this side wants. */
    private readonly lanesMost = Infinity,
  ) {}

  /**
   * Opens the transfer, which may take until it has its turn; that it waits is remarked once. Raises BlitError; ConnectionLost where
   * the daemon cannot be reached or has no place now.
   */
  async begin(open: MessageInitShape<typeof OpenSchema>): Promise<Accept> {
    const { major, minor } = protocolVersion;
    const value = create(OpenSchema, {
      ...open,
      protocolMajor: major,
      protocolMinor: minor,
      requiredFeatures: ["lanes", "inline", ...(open.job?.oneFileSystem ? ["one-file-system"] : [])],
      lanesWanted: this.network.forceInline ? 0 : lanesToStart(),
    });
    void this.send({ case: "open", value });
    this.#responses = createClient(TransferService, this.channel.transport).transfer(this.#out)
      [Symbol.asyncIterator]();
    let first = await this.next();
    tendConnections(this.daemon.port, this.channel.patienceMs);
    if (first?.case === "waiting") this.sink(waitingNotice(first.value));
    while (first?.case === "waiting") first = await this.next();
    if (first?.case !== "accept") throw new BlitError("failed", "The daemon did not accept the transfer");
    const accept = this.#accept = first.value;
    if (accept.protocolMinor < KEEP_ALIVE_MINOR) this.channel.trustSilence();
    else this.#showLife(accept.patienceMs || PATIENCE_MS);
    return accept;
  }

  #showLife(patienceMs: number): void {
    this.#stopShowing = every(signEveryMs(patienceMs), () => {
      if (this.#out.idle) void this.send({ case: "keepAlive", value: { $typeName: "blit.v1.KeepAlive" } });
    });
  }

  /** The next response; undefined at the end. Lane data is dealt with here. */
  async next(): Promise<TransferResponse["message"] | undefined> {
    for (;;) {
      const { done, value } = await this.#responses!.next().catch((thrown) => {
        throw lossOf(this.daemon, thrown);
      });
      if (done) return undefined;
      const { message } = value;
      if (message.case === "keepAlive") continue;
      if (message.case !== "laneData") return message;
      await this.#inline[message.value.lane]?.receive(message.value.data);
    }
  }

  send(message: TransferRequest["message"]): Promise<void> {
    return this.#out.send(create(TransferRequestSchema, { message } as never));
  }

  /** Makes lanes and keeps them up. `arrived`: bytes at the destination. */
  async makeLanes(taker: LaneTaker, arrived: () => number): Promise<void> {
    this.#taker = taker;
    this.#arrived = arrived;
    const negotiation = this.#accept!.dataTransfer;
    if (this.network.forceInline || negotiation === undefined) {
      return this.#useInline();
    }
    const address: LaneAddress = {
      host: this.daemon.host,
      port: negotiation.tcpPort,
      token: negotiation.oneTimeToken,
      congestion: negotiation.congestionControl,
    };
    const startMs = performance.now();
    await this.#dial(address);
    const isLong = performance.now() - startMs >= LONG_PATH_MS;
    const most = Math.min(negotiation.lanesMax || 1, this.lanesMost);
    this.#lanesWanted = Math.min(isLong ? LANES_LONG_PATH : lanesToStart(), most);
    if (this.#lanes > 0) {
      const more = this.#lanesWanted - this.#lanes;
      await Promise.all(Array.from({ length: more }, () => this.#dial(address)));
      this.#watch(address, most);
    } else {
      this.#useInline("no data port of the daemon could be reached");
    }
  }

  /** From now on, as many lanes as pay. */
  #watch(address: LaneAddress, most: number): void {
    const taker = this.#taker!;
    const count = new LaneCount(this.#lanesWanted, most);
    let before = taker.bytesMoved();
    if (this.#closed) return;
    this.#stopLooking = every(LOOK_MS, () => {
      const moved = taker.bytesMoved();
      this.#lanesWanted = count.next(moved - before);
      before = moved;
      if (this.#lanes > this.#lanesWanted) taker.retireLane();
      if (this.#lanes + this.#coming < this.#lanesWanted) void this.#dial(address);
    });
  }

  async #dial(address: LaneAddress): Promise<void> {
    this.#coming++;
    const lane = await dialLane(address);
    this.#coming--;
    if (lane === undefined) return;
    this.#lanes++;
    const before = this.#arrived();
    void this.#taker!.addLane(lane).then((orderly) => {
      this.#useless = orderly || this.#arrived() !== before ? 0 : this.#useless + 1;
      return this.#laneEnded(address);
    });
  }

  async #laneEnded(address: LaneAddress): Promise<void> {
    this.#lanes--;
    if (this.#useless >= USELESS_MOST) {
      this.#stopLooking();
      this.#lanesWanted = 0;
      if (this.#lanes === 0 && !this.#closed) {
        this.#useInline(
          `connections to the daemon's data port (${address.port}) end before anything comes through them`,
        );
      }
      return;
    }
    this.#coming++;
    await pause(REDIAL_MS);
    this.#coming--;
    if (this.#closed) return;
    if (this.#lanes < this.#lanesWanted) await this.#dial(address);
    if (this.#lanes === 0 && !this.#closed) this.#useInline("the daemon's data port cannot be reached any more");
  }

  /** `why`: without it nothing else was wanted. */
  #useInline(why?: string): void {
    if (this.usesInline) return;
    this.usesInline = true;
    if (why !== undefined) {
      const message = `${why}: copying inside the control channel, which is slower`;
      this.sink({ type: "notice", kind: "inline", message });
    }
    void this.send({ case: "useInline", value: { $typeName: "blit.v1.UseInline", lanes: INLINE_LANES } });
    for (let number = 0; number < INLINE_LANES; number++) {
      const lane = new InlineLane((data) =>
        this.send({ case: "laneData", value: { $typeName: "blit.v1.LaneData", lane: number, data } })
      );
      this.#inline.push(lane);
      void this.#taker!.addLane(lane.descriptor);
    }
  }

  /** Nothing more is sent, and no lane is made any more. */
  end(): void {
    this.#closed = true;
    this.#stopLooking();
    this.#stopShowing();
    this.#out.end();
    for (const lane of this.#inline) lane.end();
  }
}

/** Whether somebody at the daemon has ended a transfer, which is then not begun anew. */
export function isCancelled(thrown: unknown): boolean {
  const cause = thrown instanceof BlitError ? thrown.cause : thrown;
  return isWireError(cause) && ConnectError.from(cause).code === Code.Canceled;
}

/** Whether a call failed because the daemon has no place for it now, or is stopping. */
export function isBusy(thrown: unknown): boolean {
  const { code } = ConnectError.from(thrown);
  return isWireError(thrown) && (code === Code.ResourceExhausted || code === Code.Unavailable);
}

function isWireError(thrown: unknown): boolean {
  return (thrown as { isWireError?: boolean } | undefined)?.isWireError === true;
}

/** For the one notice that a transfer waits for its turn. */
export function waitingNotice({ ahead, places }: Waiting): NoticeEvent {
  const before = ahead === 0 ? "" : ` behind ${formatCountOf(ahead, "other")}`;
  return {
    type: "notice",
    kind: "waiting",
    message: `the daemon has its ${formatCountOf(places, "transfer")}: waiting for a turn${before}`,
  };
}

/** What a failed call of a daemon means: ConnectionLost, unless the daemon itself said it, and would say the same next time. */
export function lossOf(daemon: DaemonAddress, thrown: unknown): BlitError {
  const error = daemonError(daemon, thrown);
  if (error instanceof ConnectionLost) return error;
  const said = thrown instanceof BlitError || isWireError(thrown) && !isBusy(thrown);
  return said ? error : new ConnectionLost("failed", error.message, error.hint, { cause: thrown });
}

function lanesToStart(): number {
  return Math.min(Math.max(processorCount(), LANES_LEAST), LANES_TO_START_MOST);
}

/** What the other side's end of a transfer that could not be done is thrown as. */
export function failureOf(failure: Failure | undefined): BlitError {
  const message = failure?.message ?? "The daemon could not do the job";
  if (failure?.code === LANES_USELESS) return new LanesUseless("failed", message);
  return failure?.code === CONNECTION_LOST ? new ConnectionLost("failed", message) : new BlitError("failed", message);
}

/** The same the other way. */
export function failureFrom(thrown: unknown): Finished {
  const lost = thrown instanceof LanesUseless ? LANES_USELESS : CONNECTION_LOST;
  const code = thrown instanceof ConnectionLost ? lost : "failed";
  const failure = failureToWire({ path: "", code, message: BlitError.from(thrown).message });
  return create(FinishedSchema, { outcome: { case: "error", value: { $typeName: "blit.v1.Failure", ...failure } } });
}
