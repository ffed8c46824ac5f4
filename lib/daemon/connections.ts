/**
 * Closes connections that waste a descriptor: those that say nothing or garbage, those that have been idle for long, those whose
 * client no longer takes the answer of its call or gives no sign of life any more, and the least useful ones where there are too many: a process without free descriptors
 * would not live on. The server shows only connections that made a request; the shim knows all of them, by the addresses of their
 * sockets.
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { descriptorsMax, openSockets, releaseMemory, shutSockets, type TcpSocket } from "../native/sockets.ts";
import { type Call, type Client, note } from "./calls.ts";
import type { Limits } from "./config.ts";
import type { Log } from "./log.ts";
import { parseAddress } from "./networks.ts";

interface Connection {
  readonly seenMs: number;
  /** The end of its last call; undefined before its first one. */
  usedMs?: number;
  calls: number;
  /** Half a request is stuck in it. */
  stuck: boolean;
}

/** When so many have gone, what they took is worth giving back. */
const manyConnections = 1000;

type Reason = "silent" | "idle" | "stalled" | "crowded";

export class Connections {
  /** By address and port of the client. */
  readonly #known = new Map<string, Connection>();
  /** Most connections at once since memory was last given back, and those of the last sweep. */
  #peak = 0;
  #before = 0;

  constructor(
    private readonly limits: () => Limits,
    private readonly log: Log,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  callBegins(client: Client): void {
    this.#of(keyOf(client)).calls++;
  }

  callEnds({ client, requestLate }: Call): void {
    const connection = this.#known.get(keyOf(client));
    if (connection === undefined) return; // closed meanwhile
    connection.calls--;
    connection.usedMs = this.nowMs();
    connection.stuck ||= requestLate;
  }

  /** Looks once at all connections to `port`. Call every second or so. */
  sweep(port: number, calls: Iterable<Call>): void {
    const now = this.nowMs();
    const { stallMs } = this.limits();
    const stalled = new Set<string>();
    for (const call of calls) {
      const { client, waitingSinceMs } = call;
      const takesNothing = waitingSinceMs !== undefined && now - waitingSinceMs > stallMs;
      const silent = call.isSilent(now);
      if (silent) note(call, new ConnectError("The client gave no sign of life", Code.DeadlineExceeded));
      if (silent || takesNothing) stalled.add(keyOf(client));
    }
    const open = new Set<string>();
    const closing: Record<Reason, TcpSocket[]> = { silent: [], idle: [], stalled: [], crowded: [] };
    const spare: { socket: TcpSocket; connection: Connection }[] = [];
    for (const socket of openSockets(port)) {
      const key = socketKey(socket.peerAddress, socket.peerPort);
      open.add(key);
      const connection = this.#of(key);
      const reason = stalled.has(key) ? "stalled" : this.#reasonToClose(connection, now);
      if (reason !== undefined) closing[reason].push(socket);
      else if (connection.calls === 0) spare.push({ socket, connection });
    }
    const surplus = open.size - Object.values(closing).flat().length - this.#mostMax();
    if (surplus > 0) {
      spare.sort((a, b) => usefulness(a.connection) - usefulness(b.connection));
      closing.crowded = spare.slice(0, surplus).map(({ socket }) => socket);
    }
    for (const key of this.#known.keys()) if (!open.has(key)) this.#known.delete(key);
    this.#giveBack(open.size);
    for (const [reason, sockets] of Object.entries(closing)) {
      if (sockets.length === 0) continue;
      const closed = shutSockets(sockets);
      this.log.write(reason === "idle" ? "info" : "warning", "connections_closed", { reason, count: closed });
    }
  }

  /** Once no more of them go. */
  #giveBack(open: number): void {
    this.#peak = Math.max(this.#peak, open);
    const isSettled = open >= this.#before;
    this.#before = open;
    if (!isSettled || this.#peak - open < manyConnections) return;
    this.#peak = open;
    releaseMemory();
  }

  /** Half of all descriptors are for files. */
  #mostMax(): number {
    return Math.min(this.limits().connections, Math.floor(descriptorsMax() / 2));
  }

  #reasonToClose({ calls, usedMs, seenMs, stuck }: Connection, now: number): Reason | undefined {
    const { firstByteMs, idleMs } = this.limits();
    if (calls > 0) return undefined;
    if (stuck) return "stalled";
    if (usedMs === undefined) return now - seenMs > firstByteMs ? "silent" : undefined;
    return now - usedMs > idleMs ? "idle" : undefined;
  }

  #of(key: string): Connection {
    let connection = this.#known.get(key);
    if (connection === undefined) {
      connection = { seenMs: this.nowMs(), calls: 0, stuck: false };
      this.#known.set(key, connection);
    }
    return connection;
  }
}

/** Those that never made a call are the least useful, then those whose last call is longest ago. */
function usefulness({ seenMs, usedMs }: Connection): number {
  return usedMs ?? seenMs - 1e15;
}

function keyOf({ address, port }: Client): string {
  return socketKey(parseAddress(address) ?? new Uint8Array(16), port);
}

function socketKey(address: Uint8Array, port: number): string {
  return `${address.toHex()} ${port}`;
}
