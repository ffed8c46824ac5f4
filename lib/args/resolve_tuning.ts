/** What was typed behind `blit diagnostics`. Whatever is wrong raises a usage error. */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { oneOperand } from "./operands.ts";
import { isGiven, type Typed } from "./parse.ts";

/** What diagnostics there are. */
export const topics = ["perf"] as const;

export interface PerfRequest {
  /** Whether runs are to be recorded from now on; undefined: as it is. */
  readonly enable?: boolean;
  readonly clear: boolean;
}

export function resolvePerf(typed: Typed): PerfRequest {
  const topic = oneOperand(typed, `a topic: ${topics.join(", ")}`);
  if (!topics.some((known) => known === topic)) {
    throw usageError(`There are no diagnostics of "${printablePath(topic)}"`, `There are: ${topics.join(", ")}.`);
  }
  return {
    enable: isGiven(typed, "enable") ? true : isGiven(typed, "disable") ? false : undefined,
    clear: isGiven(typed, "clear"),
  };
}
