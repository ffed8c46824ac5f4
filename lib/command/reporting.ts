/** Chooses the reporter that the options ask for, and decides whether progress is shown. */

import type { OutputOptions } from "../args/resolve.ts";
import type { Job } from "../model/job.ts";
import { coloured, plain } from "../report/palette.ts";
import type { Reporter } from "../report/reporter.ts";
import type { Screen, TextOutput } from "../report/screen.ts";
import type { CommandContext } from "./context.ts";

/** Only the module of the chosen format is loaded. */
export async function makeReporter(
  context: CommandContext,
  screen: Screen,
  job: Job,
  output: OutputOptions,
): Promise<Reporter> {
  const listChanges = job.dryRun || job.verb === "check" || output.verbose;
  switch (output.format) {
    case "ndjson":
      return new (await import("../report/ndjson.ts")).NdjsonReporter(screen);
    case "json":
      return new (await import("../report/json.ts")).JsonReporter(screen, { listChanges });
    case "text":
      return new (await import("../report/text.ts")).TextReporter(screen, {
        quiet: output.quiet,
        listChanges: listChanges && !output.quiet,
        explain: output.verbose,
        stats: output.stats,
        discard: job.discard,
        paintOut: paintFor(context, context.stdout),
        paintError: paintFor(context, context.stderr),
      });
  }
}

function paintFor(context: CommandContext, stream: TextOutput) {
  const wanted = stream.isTerminal && !context.environment("NO_COLOR") && context.environment("TERM") !== "dumb";
  return wanted ? coloured : plain;
}

export function wantsProgress(context: CommandContext, output: OutputOptions): boolean {
  if (output.progress !== undefined) return output.progress;
  return !output.quiet && context.stderr.isTerminal && context.environment("TERM") !== "dumb";
}
