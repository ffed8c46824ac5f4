/**
 * Shows what a mirror would delete and asks. The preview is the same job as a dry run; nothing is touched before the
 * answer.
 */

import { ExitCode } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { formatCount, formatCountOf } from "../base/units.ts";
import type { EntryEvent, Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import type { CommandContext } from "./context.ts";
import { type Display, watch } from "./run_job.ts";

const shownMax = 20;

/**
 * Returns the job to run, allowed to delete no more entries than were agreed to, or the exit code where the user
 * declined or interrupted.
 */
export async function confirmDeletions(context: CommandContext, job: Job, display: Display): Promise<Job | ExitCode> {
  const { screen } = display;
  const shown: EntryEvent[] = [];
  const preview = await watch(
    context,
    { ...job, dryRun: true, itemize: true },
    {
      event: (event) => {
        if (event.type === "entry" && event.change === "delete" && shown.length < shownMax) shown.push(event);
      },
    },
    display,
  );
  if (preview.status === "interrupted") {
    screen.errorLine("blit: interrupted; nothing was changed");
    return ExitCode.Interrupted;
  }
  const total = preview.filesDeleted + preview.directoriesDeleted;
  const bounded = { ...job, deletion: { ...job.deletion, max: Math.min(total, job.deletion.max ?? total) } };
  if (total === 0) return bounded;
  for (const { path, kind } of shown) {
    screen.errorLine(`- ${printablePath(path)}${kind === "directory" ? "/" : ""}`);
  }
  if (total > shown.length) screen.errorLine(`  ... and ${formatCount(total - shown.length)} more`);
  context.stderr.write(`Delete ${whatGoes(preview)} from "${printablePath(job.destination!)}"? [y/N] `);
  const answer = context.readLine();
  // The end of standard input leaves the cursor behind the question.
  if (answer === undefined) context.stderr.write("\n");
  if (/^\s*y(es)?\s*$/i.test(answer ?? "")) return bounded;
  screen.errorLine("blit: nothing was changed");
  return ExitCode.Failed;
}

function whatGoes({ filesDeleted, directoriesDeleted }: Summary): string {
  const files = formatCountOf(filesDeleted, "file");
  const directories = formatCountOf(directoriesDeleted, "directory", "directories");
  if (directoriesDeleted === 0) return files;
  return filesDeleted === 0 ? directories : `${files} and ${directories}`;
}
