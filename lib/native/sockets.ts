/** The TCP connections of this process as the shim finds them (native/sockets.c). Synchronous: nothing is closed in between. */

import { openDaemonLibrary } from "./library.ts";

export interface TcpSocket {
  readonly descriptor: number;
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
  /** As the shim packed it. */
  readonly packed: Uint8Array;
}

const SOCKET_BYTES = 24;
const socketsMax = 65_536;

/** Connections whose port on this side is `localPort`; none without the shim. */
export function openSockets(localPort: number): TcpSocket[] {
  const calls = openDaemonLibrary()?.symbols;
  if (calls === undefined) return [];
  for (let room = 256;; room *= 4) {
    const packed = new Uint8Array(room * SOCKET_BYTES);
    const count = Number(calls.blit_sockets_list(localPort, packed, BigInt(room)));
    if (count === room && room < socketsMax) continue;
    return Array.from({ length: Math.max(count, 0) }, (_, index) => unpack(packed.subarray(index * SOCKET_BYTES)));
  }
}

/** Ends both directions of each that still is what it was. Returns how many. */
export function shutSockets(sockets: readonly TcpSocket[]): number {
  const packed = new Uint8Array(sockets.length * SOCKET_BYTES);
  sockets.forEach((socket, index) => packed.set(socket.packed, index * SOCKET_BYTES));
  return Number(openDaemonLibrary()?.symbols.blit_sockets_shut(packed, BigInt(sockets.length)) ?? 0);
}

/**
 * Connections of this process to that port send small messages at once, and break when the peer's machine does not answer (TCP's own
 * patience is twice the given one: whoever listens gives up before and can say why). The runtime's HTTP client leaves Nagle's algorithm on, and a second message then waits 40 ms for
 * the first one's acknowledgement.
 */
export function tendConnections(peerPort: number, patienceMs: number): void {
  openDaemonLibrary()?.symbols.blit_sockets_tend(peerPort, unansweredMs(patienceMs));
}

/** What is accepted on that port breaks as well when the peer's machine does not answer. */
export function tendListener(port: number, patienceMs: number): void {
  openDaemonLibrary()?.symbols.blit_listener_tend(port, unansweredMs(patienceMs));
}

/** 0: as long as TCP likes. */
function unansweredMs(patienceMs: number): number {
  return Number.isFinite(patienceMs) ? Math.min(Math.ceil(2 * patienceMs), 0xffff_ffff) : 0;
}

/** Gives the system back what the C library keeps of freed memory: of 10,000 connections that were there at once, 80 MB. */
export function releaseMemory(): void {
  openDaemonLibrary()?.symbols.blit_memory_release();
}

/** How many descriptors this process may have. */
export function descriptorsMax(): number {
  return Number(openDaemonLibrary()?.symbols.blit_descriptors_max() ?? 1024);
}

function unpack(bytes: Uint8Array): TcpSocket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SOCKET_BYTES);
  return {
    descriptor: view.getInt32(0, true),
    peerPort: view.getUint16(6, true),
    peerAddress: bytes.subarray(8, SOCKET_BYTES),
    packed: bytes.subarray(0, SOCKET_BYTES),
  };
}
