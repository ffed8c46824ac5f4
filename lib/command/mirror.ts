/**
 * `blit mirror`: on a terminal, deletions are shown and confirmed before anything is touched; elsewhere they need
 * --yes. What was confirmed bounds what is deleted: a source that shrinks between question and run deletes nothing.
 */

import type { Request } from "../args/resolve.ts";
import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import type { Command } from "./command.ts";
import type { Gate } from "./transfer.ts";
import { transfer } from "./transfer.ts";

export const run: Command = (context, typed) => transfer("mirror", context, typed, beforeDeleting);

const beforeDeleting: Gate = async (context, request, display) => {
  const { job } = request;
  if (job.dryRun || request.assumeYes) return job;
  if (!context.stdinIsTerminal || !context.stderr.isTerminal) throw needsYes(request);
  const { confirmDeletions } = await import("./confirm.ts");
  return confirmDeletions(context, job, display);
};

function needsYes({ job }: Request) {
  return usageError(
    `\`blit mirror\` may delete in "${printablePath(job.destination!)}" and there is no terminal to ask on`,
    "Add --yes, or look first with --dry-run.",
  );
}
