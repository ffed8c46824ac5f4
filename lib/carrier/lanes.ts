/** Lanes as their client makes them: a TCP connection to a daemon's data port, led by the transfer's one-time token. */

import { dial } from "../native/descriptors.ts";

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

/** A blocking descriptor; undefined where no connection can be made in time. */
export function dialLane({ host, port, token, congestion }: LaneAddress): Promise<number | undefined> {
  return dial(host, port, congestion, token.slice(), dialMs);
}
