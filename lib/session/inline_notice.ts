/** Said once when no connection for content could be made and none of that was asked for. */

import type { EventSink } from "../model/event.ts";
import type { NetworkOptions } from "../model/job.ts";

export function inlineNotice(network: NetworkOptions, sink: EventSink): void {
  if (network.forceInline) return;
  const message = "no data port of the daemon could be reached: copying inside the control channel, which is slower";
  sink({ type: "notice", kind: "inline", message });
}
