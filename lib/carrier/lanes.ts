/** Lanes as their client makes them: a TCP connection to a daemon's data port, led by the transfer's one-time token. */

import { takeConnection, type TakenConnection } from "../native/descriptors.ts";

/** A port that answers nothing (a firewall that drops) shall not keep a transfer waiting for longer. */
const dialMs = 3000;

export const tokenBytes = 32;

/** Congestion controls that can be asked for. */
export const congestionControls = ["bbr", "cubic", "reno"] as const;

export interface LaneAddress {
  readonly host: string;
  readonly port: number;
  readonly token: Uint8Array;
  /** One of congestionControls, or "" to leave it to the system. */
  readonly congestion: string;
}

/** Undefined where no connection can be made in time. */
export async function dialLane({ host, port, token, congestion }: LaneAddress): Promise<TakenConnection | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const dialling = Deno.connect({ hostname: host, port });
  const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), dialMs));
  try {
    const connection = await Promise.race([dialling, late]);
    if (connection === undefined) {
      dialling.then((late) => late.close(), () => {});
      return undefined;
    }
    await writeAll(connection, token);
    return takeConnection(connection, congestion);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
