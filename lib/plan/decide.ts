/** What to do with one entry, from how it differs. Pure: the engine compared, this decides. */

import type { Job } from "../model/job.ts";
import { Diff, Kind } from "../model/entry.ts";

export type Decision =
  /** Not there: make it. */
  | "make"
  /** There, with other content or of another kind: put the new one in its place. */
  | "replace"
  /** Content is right; owner, mode, times or attributes are not. */
  | "metadata"
  /** Same size: only reading both sides tells. */
  | "content"
  | "unchanged"
  /** There, and the job does not touch what is there. */
  | "skip"
  /** A directory stands where a non-directory is to be. */
  | "conflict";

const METADATA = Diff.Mtime | Diff.Mode | Diff.Owner | Diff.Xattr;

/** For a non-directory of the source. `dstKind` is Kind.None where nothing stands; `diff` are Diff bits. */
export function decide(
  kind: number,
  dstKind: number,
  diff: number,
  job: Pick<Job, "verb" | "compare" | "ignoreExisting">,
): Decision {
  if (dstKind === Kind.None) return "make";
  if (job.ignoreExisting) return "skip";
  if (dstKind === Kind.Directory) return "conflict";
  if (diff & Diff.Kind) return "replace";
  if (kind !== Kind.File) return diff & Diff.Target ? "replace" : diff & METADATA ? "metadata" : "unchanged";
  return decideFile(diff, job);
}

function decideFile(diff: number, { verb, compare }: Pick<Job, "verb" | "compare">): Decision {
  if (compare === "always" || diff & Diff.Size) return "replace";
  if (compare === "quick" && diff & Diff.Mtime) return "replace";
  // Changing the mode of a file with further names would change those names' files too.
  if (diff & Diff.DestinationLinked && diff & METADATA) return "replace";
  // A move may remove its source only when the content was copied or read and found equal, whatever size and time say.
  if (compare === "checksum" || verb === "move" || (compare === "quick" && diff & Diff.Untold)) return "content";
  return diff & METADATA ? "metadata" : "unchanged";
}
