/**
 * Runs one job in front of the user: starts it, feeds the reporter, draws progress ten times a second, and turns
 * SIGINT, SIGTERM and SIGHUP into an orderly stop. What does not stop within a second, whatever it waits for, is not waited for; a
 * second signal ends the process at once.
 */

import { BlitError, ExitCode } from "../base/errors.ts";
import { every, pause } from "../base/timers.ts";
import type { Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import type { LiveProgress } from "../report/live.ts";
import type { Reporter } from "../report/reporter.ts";
import type { Screen } from "../report/screen.ts";
import type { IoMeter } from "../report/stats_block.ts";
import { idleProgress } from "../session/idle_progress.ts";
import type { RunningJob } from "../session/run.ts";
import { interruptedSummary } from "../session/summaries.ts";
import type { CommandContext } from "./context.ts";

const tickMs = 100;

/** One Ctrl-C may come twice: from the terminal, and from a task runner that forwards what it gets. */
const oneKeyMs = 300;

/** A job that was asked to stop has this long for it. */
const stoppingMs = 1000;

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
  let running: RunningJob | undefined;
  const leaving = Promise.withResolvers<Summary>();
  const leave = () =>
    leaving.resolve(interruptedSummary(job, running?.progress() ?? idleProgress, context.nowMs() - startMs));
  const unlisten = context.onInterrupt(() => {
    if (stoppingSinceMs !== undefined) {
      if (context.nowMs() - stoppingSinceMs >= oneKeyMs) context.exitNow(ExitCode.Interrupted);
      return;
    }
    stoppingSinceMs = context.nowMs();
    screen.errorLine("blit: stopping (once more to stop at once)");
    running?.stop();
    void pause(stoppingMs).then(leave);
  });
  let over = false;
  let stopTicking = () => {};
  const work = async () => {
    const started = running = await context.startJob(job, (event) => {
      if (!over) observer.event(event);
    });
    if (stoppingSinceMs !== undefined) started.stop();
    let loading: Promise<LiveProgress> | undefined;
    stopTicking = every(tickMs, async () => {
      // Loaded when first needed: most jobs are over before.
      if (drawn) loading ??= loadLive(context, screen, startMs, meter);
      const live = await loading;
      if (over) return;
      const progress = started.progress();
      observer.progress?.(progress, context.nowMs());
      screen.flush();
      live?.draw(progress, context.nowMs());
    });
    return await started.done;
  };
  try {
    const summary = await Promise.race([work(), leaving.promise]);
    if (running !== undefined) observer.progress?.(running.progress(), context.nowMs());
    return summary;
  } catch (thrown) {
    if (stoppingSinceMs === undefined) throw thrown;
    leave();
    return await leaving.promise;
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
  if (changesNothing) return "blit: interrupted";
  const large = job.network?.resume ? "" : " (a large file begins anew unless both runs have --resume)";
  return `blit: interrupted; run the same command again to continue${large}`;
}
