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

/** A local name is easily taken for a place on another machine, and the reverse. */
async function warnOfAmbiguity({ sources, destination }: Job, screen: Screen): Promise<void> {
  const doubtful = [...sources, destination ?? ""].filter((path) => path.includes(":"));
  if (doubtful.length === 0) return;
  const { ambiguityWarning } = await import("../endpoint/remote.ts");
  const { pathFacts } = await import("../native/paths.ts");
  for (const path of doubtful) {
    const warning = ambiguityWarning(path, pathFacts(path, false) !== undefined);
    if (warning !== undefined) screen.errorLine(`blit: ${warning}`);
  }
}

export async function transfer(verb: Verb, context: CommandContext, typed: Typed, gate?: Gate): Promise<ExitCode> {
  const request = resolveJob(verb, typed, {
    readFile: (path) => context.readFile(path),
    readStandardInput: () => context.readStandardInput(),
  });
  const screen = new Screen(context.stdout, context.stderr);
  for (const remark of request.remarks) screen.errorLine(remark);
  await warnOfAmbiguity(request.job, screen);
  const display = await makeDisplay(context, screen, request.job, request.output);
  const job = gate === undefined ? request.job : await gate(context, request, display);
  if (typeof job === "number") return job;
  return exitCodeOf(await runJob(context, job, display));
}
