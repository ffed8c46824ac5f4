/**
 * Descriptors that live outside the runtime: connections of lanes, on their way in and out, and socket pairs. Nothing here holds a thread
 * of the runtime while it waits (native/connect.c, waiter.ts). Works only with the shim.
 */

import { BlitError } from "../base/errors.ts";
import { engineError, stateOf } from "./errno.ts";
import { openDaemonLibrary, openLibrary } from "./library.ts";
import { waiter } from "./waiter.ts";

/** EAGAIN and EWOULDBLOCK, which are one number; macOS has another one than Linux. */
const WOULD_BLOCK = Deno.build.os === "darwin" ? -35 : -11;
/** A wait without a limit is many of these. */
const WAIT_MS = 60_000;
/** What looking up a host may take beyond the time for the connection. */
const LOOK_UP_MS = 10_000;
const PEER_BYTES = 64;

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A blocking descriptor of a new connection over which `first` was sent; undefined where none can be made in time. `congestion`:
 * congestion control to be used where the system has and allows it; "" leaves the choice to the shim.
 */
export async function dial(
  host: string,
  port: number,
  congestion: string,
  first: Bytes,
  timeoutMs: number,
): Promise<number | undefined> {
  const call = calls().blit_socket_dial;
  const outcome = Number(call(text(host), port, text(congestion), first, BigInt(first.length), BigInt(timeoutMs)));
  if (outcome < 0) return undefined;
  const descriptor = new Int32Array([-1]);
  await readWithin(outcome, new Uint8Array(descriptor.buffer), LOOK_UP_MS + timeoutMs);
  closeDescriptor(outcome);
  return descriptor[0] < 0 ? undefined : descriptor[0];
}

/** A listening socket at an address, or at all of them. Raises BlitError (failed); `cause` is "EADDRINUSE" where it is taken. */
export function listen(
  address: string | undefined,
  port: number,
): { readonly descriptor: number; readonly port: number } {
  const bound = new Uint32Array(1);
  const descriptor = Number(calls().blit_socket_listen(text(address ?? ""), port, new Uint8Array(bound.buffer)));
  if (descriptor >= 0) return { descriptor, port: bound[0] };
  const { code } = engineError(-descriptor, 0);
  throw new BlitError("failed", stateOf(-descriptor), undefined, { cause: code });
}

export interface Peer {
  readonly descriptor: number;
  readonly address: string;
  readonly port: number;
}

/** The next connection that has come in; undefined where there is none yet. Raises BlitError (failed): out of descriptors. */
export function accept(listener: number): Peer | undefined {
  const peer = new Uint8Array(PEER_BYTES);
  const descriptor = Number(calls().blit_socket_accept(listener, peer));
  if (descriptor === WOULD_BLOCK) return undefined;
  if (descriptor < 0) throw new BlitError("failed", stateOf(-descriptor));
  const address = new TextDecoder().decode(peer.subarray(4, peer.indexOf(0, 4)));
  return { descriptor, address, port: new DataView(peer.buffer).getUint32(0, true) };
}

/** Makes a connection that came in fit to be a lane. `congestion`: as for `dial`. */
export function settle(descriptor: number, congestion: string): void {
  calls().blit_socket_settle(descriptor, text(congestion));
}

/** Two connected descriptors. Raises BlitError (failed). */
export function socketPair(): [number, number] {
  const out = new Int32Array(2);
  const status = Number(calls().blit_socket_pair(new Uint8Array(out.buffer)));
  if (status < 0) {
    throw new BlitError("failed", `Cannot make a pair of sockets: ${stateOf(-status)}`);
  }
  return [out[0], out[1]];
}

/** Until something can be read, or the time is over. */
export function readable(descriptor: number, ms: number): Promise<void> {
  return waiter(openLibrary()!.symbols).descriptor(descriptor, "read", ms);
}

/** At least one byte, fewer than asked for, or none at the end or after an error. */
export async function readDescriptor(descriptor: number, room: Bytes): Promise<number> {
  return await readWithin(descriptor, room, Infinity) ?? 0;
}

/** The same; undefined where the time is over first. */
export async function readWithin(descriptor: number, room: Bytes, ms: number): Promise<number | undefined> {
  const startMs = performance.now();
  for (;;) {
    const length = Number(calls().blit_descriptor_read(descriptor, room, BigInt(room.length)));
    if (length !== WOULD_BLOCK) return Math.max(0, length);
    const leftMs = startMs + ms - performance.now();
    if (leftMs <= 0) return undefined;
    await readable(descriptor, Math.min(leftMs, WAIT_MS));
  }
}

/** Resolves when all of it is taken. False where the other end is gone. */
export async function writeDescriptor(descriptor: number, data: Bytes): Promise<boolean> {
  for (let at = 0; at < data.length;) {
    const rest = data.subarray(at);
    const taken = Number(calls().blit_descriptor_write(descriptor, rest, BigInt(rest.length)));
    if (taken === WOULD_BLOCK) await waiter(openLibrary()!.symbols).descriptor(descriptor, "write", WAIT_MS);
    else if (taken < 0) return false;
    else at += taken;
  }
  return true;
}

/** Ends both directions, and what waits on it. */
export function shutDescriptor(descriptor: number): void {
  calls().blit_descriptor_shut(descriptor);
}

/** Nobody may be reading or writing. */
export function closeDescriptor(descriptor: number): void {
  calls().blit_descriptor_close(descriptor);
}

function calls() {
  const library = openDaemonLibrary();
  if (library === undefined) {
    throw new BlitError("failed", "Cannot copy between machines: the native library is missing");
  }
  return library.symbols;
}

function text(string: string): Bytes {
  return new TextEncoder().encode(`${string}\0`);
}
