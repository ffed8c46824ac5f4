/** `blit du` */

import { oneOperand } from "../args/operands.ts";
import { isGiven } from "../args/parse.ts";
import { maxDepth } from "../args/resolve_network.ts";
import { pathFromBytes } from "../base/path_bytes.ts";
import { formatBytes, formatCountOf } from "../base/units.ts";
import { formatRemote } from "../endpoint/remote.ts";
import type { Usage } from "../wire/gen/blit/v1/admin_pb.ts";
import type { Command } from "./command.ts";
import { askDaemon, FailureList, pathRequest, remotePlace, shownBelow } from "./remote.ts";

export const run: Command = async (context, typed) => {
  const depthMax = maxDepth(typed) ?? 0;
  const place = remotePlace(context, oneOperand(typed, "a path such as host:/module/path"));
  const failures = new FailureList(context, place);
  const json = isGiven(typed, "json");
  const usages: ReturnType<typeof usageRecord>[] = [];
  if (!json) context.stdout.write("   content    on disk\n");
  await askDaemon(place, typed, async (client) => {
    for await (const part of client.diskUsage({ ...pathRequest(place), depthMax })) {
      for (const usage of part.usages) {
        if (json) usages.push(usageRecord(usage));
        else context.stdout.write(`${usageLine(usage)}  ${shownBelow(place, usage.path)}\n`);
      }
      failures.add(part.failures);
    }
  });
  if (json) {
    context.stdout.write(`${JSON.stringify({ place: formatRemote(place), usages, failures: failures.records })}\n`);
  }
  return failures.exitCode;
};

function usageRecord({ path, files, directories, bytes, allocatedBytes }: Usage) {
  return {
    path: pathFromBytes(path),
    files: Number(files),
    directories: Number(directories),
    bytes: Number(bytes),
    allocated_bytes: Number(allocatedBytes),
  };
}

function usageLine({ files, directories, bytes, allocatedBytes }: Usage): string {
  const sizes = [bytes, allocatedBytes].map((size) => formatBytes(Number(size)).padStart(10));
  return `${sizes.join(" ")}  ${formatCountOf(Number(files), "file")}, ` +
    formatCountOf(Number(directories), "directory", "directories");
}
