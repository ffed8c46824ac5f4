/** What `copy`, `mirror`, `move` and `check` have in common: from the typed options to the exit code. */

import type { Typed } from "../args/parse.ts";
import { type Request, resolveJob } from "../args/resolve.ts";
import type { ExitCode } from "../base/errors.ts";
import type { Job, Verb } from "../model/job.ts";
import { Screen } from "../report/screen.ts";
import type { CommandContext } from "./context.ts";
import { exitCodeOf } from "./exit_code.ts";
import { makeDisplay } from "./reporting.ts";
import { type Display, runJob } from "./run_job.ts";

/**
 * Asked before the job runs. Returns the job to run, changed where the answer demands it, or the exit code to end
 * with. Anything wrong is thrown.
 */
export type Gate = (context: CommandContext, request: Request, display: Display) => Promise<Job | ExitCode>;

export async function transfer(verb: Verb, context: CommandContext, typed: Typed, gate?: Gate): Promise<ExitCode> {
  const request = resolveJob(verb, typed, {
    readFile: (path) => context.readFile(path),
    readStandardInput: () => context.readStandardInput(),
  });
  const screen = new Screen(context.stdout, context.stderr);
  for (const remark of request.remarks) screen.errorLine(remark);
  const display = await makeDisplay(context, screen, request.job, request.output);
  const job = gate === undefined ? request.job : await gate(context, request, display);
  if (typeof job === "number") return job;
  return exitCodeOf(await runJob(context, job, display));
}
