/**
 * Whether the file systems that a job names answer at all. Asked off the main thread and before anything else: what the main thread
 * asks of a mount that is dead would hold up the run, its messages and Ctrl-C for ever.
 */

import { directoryName } from "../base/path_parts.ts";
import type { Job } from "../model/job.ts";
import { answersSoon, hasShim } from "../native/paths.ts";
import { settlesWithin } from "../native/patience.ts";
import { stallError } from "../plan/stall.ts";

/**
 * Resolves when each local path has been looked at, or where it is missing those above it. Raises BlitError (failed) after the job's
 * stall time.
 */
export async function awaitAnswers({ sources, destination, backupDir, stallTimeoutMs }: Job): Promise<void> {
  // Nearly all do at once. Waiting for that with promises and the process's first timer would take longer than a small job.
  const silent = new Set([...sources, destination ?? ".", backupDir ?? "."].filter((path) => !answersSoon(path)));
  if (silent.size === 0) return;
  const asking = [...silent].map((path) => look(path).then(() => silent.delete(path)));
  if (!Number.isFinite(stallTimeoutMs)) return void await Promise.all(asking);
  await settlesWithin(Promise.all(asking), stallTimeoutMs);
  const [path] = silent;
  if (path !== undefined) throw stallError({ kind: "abort", forMs: stallTimeoutMs, path }, "--stall-timeout");
}

async function look(path: string): Promise<void> {
  if (hasShim()) {
    const { answers } = await import("../native/paths_aside.ts"); // hardly any job needs it
    return await answers({ path, ms: Infinity });
  }
  for (let at = path; !await Deno.stat(at).then(() => true, () => false);) {
    const up = directoryName(at);
    if (up === at) return;
    at = up;
  }
}
