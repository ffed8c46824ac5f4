/** `blit scan` */

import { isGiven } from "../args/parse.ts";
import { scanDuration } from "../args/resolve_network.ts";
import { ExitCode } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { findDaemons, type FoundDaemon } from "../endpoint/mdns.ts";
import { formatDaemon } from "../endpoint/remote.ts";
import type { Command } from "./command.ts";

export const run: Command = async (context, typed) => {
  const forMs = scanDuration(typed);
  const warned = new Set<string>();
  const found = await findDaemons(forMs, ({ message }) => {
    if (!warned.has(message)) context.stderr.write(`blit: Cannot ask the whole network: ${printablePath(message)}\n`);
    warned.add(message);
  });
  if (isGiven(typed, "json")) {
    context.stdout.write(`${JSON.stringify({ daemons: found })}\n`);
    return ExitCode.Ok;
  }
  if (found.length === 0) context.stderr.write("blit: no daemon answered\n");
  for (const daemon of found) context.stdout.write(`${daemonLine(daemon)}\n`);
  return ExitCode.Ok;
};

/** What follows is what the other commands take as a host. */
function daemonLine({ host, port, addresses, modules }: FoundDaemon): string {
  const named = formatDaemon({ host: addresses[0] ?? host, port });
  return printablePath(`${named}  ${host}  ${modules.join(", ")}`).trimEnd();
}
