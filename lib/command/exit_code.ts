/** From the result of a job to the exit code of the process. The codes stand in `base/errors.ts` and in the help. */

import { ExitCode } from "../base/errors.ts";
import type { Summary } from "../model/event.ts";

/** `check` that found a difference counts as partial. */
export function exitCodeOf(summary: Summary): ExitCode {
  switch (summary.status) {
    case "failed":
      return ExitCode.Failed;
    case "interrupted":
      return ExitCode.Interrupted;
    case "partial":
      return ExitCode.Partial;
    case "ok":
      return summary.verb === "check" && foundDifferences(summary) ? ExitCode.Partial : ExitCode.Ok;
  }
}

function foundDifferences(summary: Summary): boolean {
  return summary.filesCopied + summary.filesMetadataOnly + summary.filesDeleted + summary.directoriesCreated +
      summary.directoriesDeleted > 0;
}
