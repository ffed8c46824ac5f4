/** What a command may touch of the world around it. `process.ts` gives it the real one, tests one of their own. */

import type { ExitCode } from "../base/errors.ts";
import type { EventSink } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import type { TextOutput } from "../report/screen.ts";
import type { RunningJob } from "../session/run.ts";

export interface CommandContext {
  /** Rejects with a BlitError where the job cannot begin. */
  startJob(job: Job, sink: EventSink): Promise<RunningJob>;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly stdinIsTerminal: boolean;
  /** Waits for one line on standard input; undefined at its end. */
  readLine(): string | undefined;
  readFile(path: string): Uint8Array;
  /** Everything up to the end of standard input. */
  readStandardInput(): Uint8Array;
  environment(name: string): string | undefined;
  /** Columns of the terminal now; undefined where there is none. */
  columns(): number | undefined;
  /** Calls `handler` for each SIGINT, SIGTERM and SIGHUP that was not ignored from the start, until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process without waiting for anything. */
  exitNow(code: ExitCode): void;
  /** Milliseconds that grow steadily. */
  nowMs(): number;
}
