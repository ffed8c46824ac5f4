/** Makes the display that the options ask for: the reporter, whether progress is shown, and what --stats needs. */

import type { OutputOptions } from "../args/resolve.ts";
import type { Job } from "../model/job.ts";
import { coloured, plain } from "../report/palette.ts";
import type { Reporter } from "../report/reporter.ts";
import type { Screen, TextOutput } from "../report/screen.ts";
import { TextReporter } from "../report/text.ts";
import type { IoMeter } from "../report/stats_block.ts";
import type { CommandContext } from "./context.ts";
import type { Display } from "./run_job.ts";

/** What most jobs do without is loaded only where it is needed. */
export async function makeDisplay(
  context: CommandContext,
  screen: Screen,
  job: Job,
  output: OutputOptions,
): Promise<Display> {
  const meter = output.stats ? (await import("./io_meter.ts")).ioMeter(job, () => context.nowMs()) : undefined;
  const reporter = await makeReporter(context, screen, job, output, meter);
  return { screen, reporter, progress: wantsProgress(context, output), meter };
}

async function makeReporter(
  context: CommandContext,
  screen: Screen,
  job: Job,
  output: OutputOptions,
  meter: IoMeter | undefined,
): Promise<Reporter> {
  const listChanges = job.dryRun || job.verb === "check" || output.verbose;
  switch (output.format) {
    case "ndjson":
      return new (await import("../report/ndjson.ts")).NdjsonReporter(screen);
    case "json":
      return new (await import("../report/json.ts")).JsonReporter(screen, { listChanges });
    case "text":
      return new TextReporter(screen, {
        quiet: output.quiet,
        listChanges: listChanges && !output.quiet,
        explain: output.verbose,
        stats: meter,
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

function wantsProgress(context: CommandContext, output: OutputOptions): boolean {
  if (output.progress !== undefined) return output.progress;
  return !output.quiet && context.stderr.isTerminal && context.environment("TERM") !== "dumb";
}
