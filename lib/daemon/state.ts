/** What all calls of one daemon share. */

import type { Calls } from "./calls.ts";
import type { DataPort } from "./data_port.ts";
import type { JobRegistry } from "./jobs.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";
import type { Modules } from "./modules.ts";
import type { Shares } from "./shares.ts";

export interface DaemonState {
  /** The current one; a reload replaces it. */
  readonly config: DaemonConfig;
  readonly modules: Modules;
  readonly calls: Calls;
  readonly jobs: JobRegistry;
  readonly dataPort: DataPort;
  /** Threads and lanes, of all transfers together. */
  readonly workers: Shares;
  readonly lanes: Shares;
  readonly log: Log;
  /** performance.now() of the start. */
  readonly startMs: number;
}
