/** A transfer's wait for its turn, and what its client hears of it meanwhile. */

import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { signEveryMs } from "../carrier/liveness.ts";
import type { Job } from "../model/job.ts";
import { type Waiting, WaitingSchema } from "../wire/gen/blit/v1/transfer_pb.ts";
import type { DaemonState } from "./state.ts";
import type { Turn } from "./turns.ts";

/** Who gets its turn at once need not be told that it waits. */
const tellFirstMs = 100;

/** Ends when the turn has come. Raises resource_exhausted where that takes too long or the client has gone, and
 * unavailable where the daemon is stopping. */
export async function* waitForTurn(
  daemon: DaemonState,
  turn: Turn,
  { stallTimeoutMs }: Job,
  { signal }: HandlerContext,
): AsyncGenerator<Waiting, void, void> {
  const startMs = performance.now();
  const tellEveryMs = signEveryMs(stallTimeoutMs);
  const leave = () => turn.end();
  signal.addEventListener("abort", leave);
  try {
    for (let ms = tellFirstMs; !await turn.runsWithin(ms); ms = tellEveryMs) {
      const { sessions: places, waitMs } = daemon.config.limits;
      if (turn.state === "over" || performance.now() - startMs >= waitMs) throw daemon.calls.noPlace("transfers");
      yield create(WaitingSchema, { ahead: turn.ahead, places });
    }
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
