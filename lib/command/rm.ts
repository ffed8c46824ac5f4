/** `blit rm`: says what would go and asks, unless --yes is given. */

import { oneOperand } from "../args/operands.ts";
import { isGiven } from "../args/parse.ts";
import { ExitCode, usageError } from "../base/errors.ts";
import { formatBytes, formatCountOf } from "../base/units.ts";
import { formatRemote, type RemoteEndpoint } from "../endpoint/remote.ts";
import type { Usage } from "../wire/gen/blit/v1/admin_pb.ts";
import type { Command } from "./command.ts";
import type { CommandContext } from "./context.ts";
import { type AdminClient, askDaemon, FailureList, pathRequest, remotePlace, shownBelow } from "./remote.ts";

export const run: Command = async (context, typed) => {
  const place = remotePlace(context, oneOperand(typed, "a path such as host:/module/path"));
  const shown = shownBelow(place, new Uint8Array());
  if (place.path === "") throw usageError(`Cannot remove "${shown}": it is a whole module`, "Name something in it.");
  const mayAsk = context.stdinIsTerminal && context.stderr.isTerminal;
  if (!isGiven(typed, "yes") && !mayAsk) {
    throw usageError(`\`blit rm\` would remove "${shown}" and there is no terminal to ask on`, "Add --yes.");
  }
  const failures = new FailureList(context, place);
  let [files, directories] = [0, 0];
  const agreed = await askDaemon(place, typed, async (client) => {
    if (!isGiven(typed, "yes") && !await confirm(context, client, place, shown)) return false;
    for await (const part of client.remove({ ...pathRequest(place), recursive: true })) {
      [files, directories] = [Number(part.filesRemoved), Number(part.directoriesRemoved)];
      failures.add(part.failures);
    }
    return true;
  });
  if (!agreed) {
    context.stderr.write("blit: nothing was changed\n");
    return ExitCode.Failed;
  }
  if (isGiven(typed, "json")) {
    const record = {
      place: formatRemote(place),
      files_removed: files,
      directories_removed: directories,
      failures: failures.records,
    };
    context.stdout.write(`${JSON.stringify(record)}\n`);
  } else {
    context.stdout.write(`Removed ${countText(files, directories)}\n`);
  }
  return failures.exitCode;
};

async function confirm(
  context: CommandContext,
  client: AdminClient,
  place: RemoteEndpoint,
  shown: string,
): Promise<boolean> {
  let usage: Usage | undefined;
  for await (const part of client.diskUsage(pathRequest(place))) usage = part.usages.at(-1) ?? usage;
  const [files, directories] = [Number(usage?.files ?? 0), Number(usage?.directories ?? 0)];
  const size = formatBytes(Number(usage?.bytes ?? 0));
  context.stderr.write(`Remove "${shown}": ${countText(files, directories)}, ${size}? [y/N] `);
  const answer = context.readLine();
  // The end of standard input leaves the cursor behind the question.
  if (answer === undefined) context.stderr.write("\n");
  return /^\s*y(es)?\s*$/i.test(answer ?? "");
}

function countText(files: number, directories: number): string {
  const counted = [
    ...(files > 0 || directories === 0 ? [formatCountOf(files, "file")] : []),
    ...(directories > 0 ? [formatCountOf(directories, "directory", "directories")] : []),
  ];
  return counted.join(" and ");
}
