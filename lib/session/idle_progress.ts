/** Figures of a job that has not begun. */

import type { Progress } from "../model/event.ts";

export const idleProgress: Progress = {
  phase: "scanning",
  filesDone: 0,
  filesTotal: 0,
  bytesDone: 0,
  scanComplete: false,
  workers: 0,
  waits: { planner: 0, source: 0, destination: 0 },
};
