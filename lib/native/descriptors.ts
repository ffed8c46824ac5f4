/** Blocking descriptors that live outside the runtime: TCP connections taken from it, and socket pairs. Works only with the shim. */

import { BlitError } from "../base/errors.ts";
import { engineError } from "./errno.ts";
import { openDaemonLibrary } from "./library.ts";

/**
 * A blocking descriptor of a new connection over which `first` was sent; undefined where none can be made in time. `congestion`:
 * congestion control to be used where the system has and allows it; "" leaves the choice to the shim.
 */
export async function dial(
  host: string,
  port: number,
  congestion: string,
  first: Uint8Array<ArrayBuffer>,
  timeoutMs: number,
): Promise<number | undefined> {
  const held = [new TextEncoder().encode(`${host}\0`), new TextEncoder().encode(`${congestion}\0`), first];
  const [name, choice, bytes] = held;
  const call = calls().blit_socket_dial;
  const descriptor = Number(await call(name, port, choice, bytes, BigInt(first.length), BigInt(timeoutMs)));
  held.length = 0; // until here nothing else may hold them
  return descriptor < 0 ? undefined : descriptor;
}

/** Connections that are accepted on that port begin as lanes do. */
export function prepareListener(port: number): void {
  calls().blit_listener_prepare(port);
}

/** A connection whose bytes go past the runtime. */
export interface TakenConnection {
  /** Blocking; whoever uses it closes it. */
  readonly descriptor: number;
  /** To be called when it is over: the runtime would have ended the connection if it had let go of it before. */
  release(): void;
}

/**
 * Nobody may be reading or writing. `congestion`: congestion control to be used where the system has and allows it. Raises BlitError
 * (failed), and then the connection is closed.
 */
export function takeConnection(connection: Deno.TcpConn, congestion = ""): TakenConnection {
  const { localAddr, remoteAddr } = connection;
  const peer = new TextEncoder().encode(`${remoteAddr.hostname}\0`);
  const choice = new TextEncoder().encode(`${congestion}\0`);
  const descriptor = Number(calls().blit_socket_take(localAddr.port, remoteAddr.port, peer, choice));
  if (descriptor < 0) {
    connection.close();
    throw new BlitError("failed", `Cannot use a connection: ${words(-descriptor)}`);
  }
  return { descriptor, release: () => connection.close() };
}

/** Two connected descriptors. Raises BlitError (failed). */
export function socketPair(): [number, number] {
  const out = new Int32Array(2);
  const status = Number(calls().blit_socket_pair(new Uint8Array(out.buffer)));
  if (status < 0) throw new BlitError("failed", `Cannot make a pair of sockets: ${words(-status)}`);
  return [out[0], out[1]];
}

/** At least one byte, fewer than asked for, or none at the end or after an error. */
export async function readDescriptor(descriptor: number, room: Uint8Array<ArrayBuffer>): Promise<number> {
  const length = await calls().blit_descriptor_read(descriptor, room, BigInt(room.length));
  // Named once more: until here nothing else may hold it.
  return Math.min(Math.max(0, Number(length)), room.length);
}

/** False where the other end is gone. */
export async function writeDescriptor(descriptor: number, data: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const status = await calls().blit_descriptor_write(descriptor, data, BigInt(data.length));
  return status === 0n && data.length > 0; // named once more: until here nothing else may hold it
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

function words(errno: number): string {
  return engineError(errno, 0).message.replace(/^Cannot go on: /, "");
}
