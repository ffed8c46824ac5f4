/** Runs a job in the right way: within this machine or between machines. */

import { isBetweenMachines } from "../endpoint/remote_place.ts";
import { awaitAnswers } from "../session/answering.ts";
import { startJob as startLocalJob } from "../session/run.ts";
import type { CommandContext } from "./context.ts";

export const startJob: CommandContext["startJob"] = async (job, sink) => {
  await awaitAnswers(job);
  if (!isBetweenMachines(job)) return startLocalJob(job, sink);
  // What the network needs is loaded only for it.
  return (await import("../session/transfer_client.ts")).startTransfer(job, sink);
};
