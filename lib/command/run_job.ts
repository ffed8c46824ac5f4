/**
 * Runs one job in front of the user: starts it, feeds the reporter, draws progress ten times a second, and turns
 * SIGINT and SIGTERM into an orderly stop (the second one ends the process at once).
 */

import { BlitError, ExitCode } from "../base/errors.ts";
import { every } from "../base/timers.ts";
import type { Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import type { LiveProgress } from "../report/live.ts";
import type { Reporter } from "../report/reporter.ts";
import type { Screen } from "../report/screen.ts";
import type { IoMeter } from "../report/stats_block.ts";
import type { CommandContext } from "./context.ts";

const tickMs = 100;

/** One Ctrl-C may come twice: from the terminal, and from a task runner that forwards what it gets. */
const oneKeyMs = 300;

export interface Display {
  readonly screen: Screen;
  readonly reporter: Reporter;
  readonly progress: boolean;
  /** With --stats. */
  readonly meter?: IoMeter;
}

/** Resolves when the job is over and all is written. Rejects with the BlitError of a job that broke off. */
export async function runJob(context: CommandContext, job: Job, display: Display): Promise<Summary> {
  const { screen, reporter } = display;
  try {
    const summary = await watch(context, job, reporter, display);
    reporter.finish(summary);
    screen.flush();
    if (summary.status === "interrupted") screen.errorLine(howToContinue(job));
    return summary;
  } catch (thrown) {
    const error = BlitError.from(thrown, job.verb);
    reporter.fail(error);
    throw error;
  } finally {
    screen.flush();
  }
}

/** Runs a job that `observer` watches, with the live block on the screen if the display has one. */
export async function watch(
  context: CommandContext,
  job: Job,
  observer: Pick<Reporter, "event" | "progress">,
  { screen, progress: drawn, meter }: Pick<Display, "screen" | "progress" | "meter">,
): Promise<Summary> {
  const startMs = context.nowMs();
  meter?.begin();
  let stoppingSinceMs: number | undefined;
  let stop = () => {};
  const unlisten = context.onInterrupt(() => {
    if (stoppingSinceMs !== undefined) {
      if (context.nowMs() - stoppingSinceMs >= oneKeyMs) context.exitNow(ExitCode.Interrupted);
      return;
    }
    stoppingSinceMs = context.nowMs();
    screen.errorLine("blit: stopping (once more to stop at once)");
    stop();
  });
  let over = false;
  let stopTicking = () => {};
  try {
    const running = await context.startJob(job, (event) => observer.event(event));
    stop = () => running.stop();
    if (stoppingSinceMs !== undefined) running.stop();
    let loading: Promise<LiveProgress> | undefined;
    stopTicking = every(tickMs, async () => {
      // Loaded when first needed: most jobs are over before.
      if (drawn) loading ??= loadLive(context, screen, startMs, meter);
      const live = await loading;
      if (over) return;
      const progress = running.progress();
      observer.progress?.(progress, context.nowMs());
      screen.flush();
      live?.draw(progress, context.nowMs());
    });
    const summary = await running.done;
    observer.progress?.(running.progress(), context.nowMs());
    return summary;
  } finally {
    over = true;
    stopTicking();
    unlisten();
    screen.clearLive();
  }
}

async function loadLive(
  context: CommandContext,
  screen: Screen,
  startMs: number,
  meter: IoMeter | undefined,
): Promise<LiveProgress> {
  const { LiveProgress } = await import("../report/live.ts");
  const stats = meter && new (await import("../report/stats_block.ts")).StatsBlock(meter);
  return new LiveProgress(screen, () => context.columns(), startMs, stats);
}

function howToContinue(job: Job): string {
  const changesNothing = job.dryRun || job.discard || job.verb === "check";
  return changesNothing ? "blit: interrupted" : "blit: interrupted; run the same command again to continue";
}
