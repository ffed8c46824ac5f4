/** `blit df` */

import { oneOperand } from "../args/operands.ts";
import { isGiven } from "../args/parse.ts";
import { ExitCode } from "../base/errors.ts";
import { formatBytes, formatCount } from "../base/units.ts";
import { formatRemote } from "../endpoint/remote.ts";
import type { Command } from "./command.ts";
import { askDaemon, pathRequest, remotePlace, shownBelow } from "./remote.ts";

export const run: Command = async (context, typed) => {
  const place = remotePlace(context, oneOperand(typed, "a path such as host:/module/path"));
  const stats = await askDaemon(place, typed, (client) => client.fileSystemStats(pathRequest(place)));
  const [total, free, available] = [stats.totalBytes, stats.freeBytes, stats.availableBytes].map(Number);
  const [inodes, freeInodes] = [Number(stats.totalInodes), Number(stats.freeInodes)];
  if (isGiven(typed, "json")) {
    const record = {
      place: formatRemote(place),
      total_bytes: total,
      used_bytes: total - free,
      free_bytes: free,
      available_bytes: available,
      total_inodes: inodes,
      free_inodes: freeInodes,
      read_only: stats.readOnly,
    };
    context.stdout.write(`${JSON.stringify(record)}\n`);
    return ExitCode.Ok;
  }
  const used = total - free;
  const percent = used + available === 0 ? 0 : Math.ceil(100 * used / (used + available));
  const lines = [
    shownBelow(place, new Uint8Array()),
    `  size       ${formatBytes(total)}`,
    `  used       ${formatBytes(used)} (${percent} %)`,
    `  available  ${formatBytes(available)}`,
    ...(inodes === 0 ? [] : [`  inodes     ${formatCount(freeInodes)} of ${formatCount(inodes)} free`]),
    ...(stats.readOnly ? ["  mounted read-only"] : []),
  ];
  context.stdout.write(`${lines.join("\n")}\n`);
  return ExitCode.Ok;
};
