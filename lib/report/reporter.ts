/** The one interface behind which text, JSON and NDJSON stand. */

import type { BlitError } from "../base/errors.ts";
import type { JobEvent, Progress, Summary } from "../model/event.ts";

/** Of one job. `event` and `progress` come while it runs; then exactly one of `finish` and `fail`. */
export interface Reporter {
  event(event: JobEvent): void;
  /** About 10 times a second. `nowMs` grows steadily and counts from anywhere. */
  progress?(progress: Progress, nowMs: number): void;
  finish(summary: Summary): void;
  /** The job broke off or was refused. Whoever ends the process says the error on standard error, not the reporter. */
  fail(error: BlitError): void;
}
