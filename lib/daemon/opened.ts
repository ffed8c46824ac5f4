/** What a client says in Open about the job and its place, checked: a push, a pull and a fetch begin with this. */

import { Code, ConnectError } from "@connectrpc/connect";
import { BlitError } from "../base/errors.ts";
import type { Job } from "../model/job.ts";
import { compileFilter } from "../scan/filter.ts";
import type { RemotePlacement } from "../session/destination_role.ts";
import type { Open } from "../wire/gen/blit/v1/transfer_pb.ts";
import { jobFromWire } from "../wire/job_codec.ts";
import { checkFilterPrefix, checkName, checkPath, checkText } from "./remote_path.ts";

export interface Opened extends Pick<RemotePlacement, "entry" | "filterPrefix" | "removeRoot"> {
  readonly job: Job;
}

/**
 * Raises invalid_argument. However patient the client is: a job in which nothing moves does not keep its session for longer than
 * `stallMs`.
 */
export function readOpen(open: Open, stallMs: number): Opened {
  const { job, entry, filterPrefix, removeRoot } = open;
  if (job === undefined) throw new ConnectError("Open has no job", Code.InvalidArgument);
  for (const { pattern } of job.rules) checkText(pattern);
  for (const path of job.filesFrom) checkText(path);
  if (job.backupDirectory !== undefined) checkPath(job.backupDirectory);
  return {
    job: readJob(job, stallMs),
    entry: entry && { source: checkName(entry.source), destination: checkName(entry.destination) },
    filterPrefix: checkFilterPrefix(filterPrefix),
    removeRoot,
  };
}

function readJob(wire: NonNullable<Open["job"]>, stallMs: number): Job {
  try {
    const job = jobFromWire(wire);
    compileFilter(job.filter, 0);
    return { ...job, stallTimeoutMs: Math.min(job.stallTimeoutMs, stallMs) };
  } catch (error) {
    throw new ConnectError(BlitError.from(error).message, Code.InvalidArgument);
  }
}
