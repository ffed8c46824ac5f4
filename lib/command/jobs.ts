/** `blit jobs` */

import type { Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import type { Typed } from "../args/parse.ts";
import { isGiven } from "../args/parse.ts";
import { patienceOf } from "../args/resolve.ts";
import { BlitError, ExitCode, usageError } from "../base/errors.ts";
import { pathFromBytes, printablePath } from "../base/path_bytes.ts";
import { formatBytes, formatCountOf } from "../base/units.ts";
import { daemonError, openControlChannel } from "../carrier/control.ts";
import { type DaemonAddress, parseDaemon } from "../endpoint/remote.ts";
import { type JobState, TransferService } from "../wire/gen/blit/v1/transfer_pb.ts";
import type { Command } from "./command.ts";
import type { CommandContext } from "./context.ts";

type JobsClient = Client<typeof TransferService>;

export const run: Command = async (context, typed) => {
  const [action, host, number, ...more] = typed.operands;
  const needsNumber = action === "watch" || action === "cancel";
  if (!needsNumber && action !== "list") throw usageError("`blit jobs` needs list, watch or cancel");
  if (host === undefined) throw usageError(`\`blit jobs ${action}\` needs a host`);
  if (more.length > 0 || (!needsNumber && number !== undefined)) {
    throw usageError(`\`blit jobs ${action}\` has too many words`);
  }
  if (needsNumber && !/^[0-9]{1,15}$/.test(number ?? "")) {
    throw usageError(`\`blit jobs ${action}\` needs the number of a job`, "`blit jobs list HOST` shows them.");
  }
  return await asking(parseDaemon(host), typed, (client) => {
    if (action === "list") return list(context, typed, client);
    const id = BigInt(number);
    return action === "watch" ? watch(context, typed, client, id) : cancel(context, typed, client, id);
  });
};

async function asking<T>(
  daemon: DaemonAddress,
  typed: Typed,
  ask: (client: JobsClient) => Promise<T>,
): Promise<T> {
  using channel = openControlChannel(daemon, patienceOf(typed));
  try {
    return await ask(createClient(TransferService, channel.transport));
  } catch (error) {
    throw daemonError(daemon, error);
  }
}

async function list(context: CommandContext, typed: Typed, client: JobsClient): Promise<ExitCode> {
  const { jobs } = await client.listJobs({});
  const text = isGiven(typed, "json")
    ? `${JSON.stringify({ jobs: jobs.map(record) })}\n`
    : jobs.map((job) => `${line(job)}\n`).join("");
  context.stdout.write(text);
  return ExitCode.Ok;
}

async function watch(context: CommandContext, typed: Typed, client: JobsClient, id: bigint): Promise<ExitCode> {
  let shown = "";
  let last: JobState | undefined;
  for await (const { job } of client.watchJob({ id })) {
    if (job === undefined) continue;
    last = job;
    const text = isGiven(typed, "json") ? JSON.stringify(record(job)) : line(job);
    if (text !== shown) context.stdout.write(`${text}\n`);
    shown = text;
  }
  switch (last?.status) {
    case "ok":
      return ExitCode.Ok;
    case "partial":
      return ExitCode.Partial;
    case "interrupted":
      return ExitCode.Interrupted;
    default:
      return ExitCode.Failed;
  }
}

async function cancel(context: CommandContext, typed: Typed, client: JobsClient, id: bigint): Promise<ExitCode> {
  const { cancelled } = await client.cancelJob({ id });
  if (isGiven(typed, "json")) context.stdout.write(`${JSON.stringify({ id: Number(id), cancelled })}\n`);
  else if (!cancelled) throw new BlitError("failed", `Cannot stop job ${id}: it has ended`);
  return ExitCode.Ok;
}

function line({ id, verb, direction, client, place, source, status, progress }: JobState): string {
  const from = source === "" ? client : source;
  const ways: Record<string, string> = {
    push: `${from} -> ${place}`,
    pull: `${place} -> ${from}`,
    fetch: `${from} -> ${place}`,
  };
  const done = progress === undefined
    ? ""
    : `  ${formatCountOf(Number(progress.filesDone), "file")}, ${formatBytes(Number(progress.bytesDone))}`;
  return `${id}  ${status.padEnd(11)}  ${verb.padEnd(6)}  ${printablePath(ways[direction] ?? place)}${done}`;
}

function record({ id, verb, direction, client, place, source, started, status, progress, finished }: JobState) {
  const { outcome } = finished ?? {};
  return {
    id: Number(id),
    verb,
    direction,
    client,
    place,
    source: source === "" ? null : source,
    started: new Date(started * 1000).toISOString(),
    status,
    files_done: Number(progress?.filesDone ?? 0),
    bytes_done: Number(progress?.bytesDone ?? 0),
    current_path: progress?.currentPath ? pathFromBytes(progress.currentPath) : null,
    error: outcome?.case === "error" ? outcome.value.message : null,
  };
}
