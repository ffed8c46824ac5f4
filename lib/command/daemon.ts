/** `blit daemon` */

import { resolveDaemon } from "../args/resolve_network.ts";
import { BlitError, ExitCode } from "../base/errors.ts";
import { runDaemon } from "../daemon/daemon.ts";
import { lineLog } from "../daemon/log.ts";
import { Kind } from "../model/entry.ts";
import { pathFacts } from "../native/paths.ts";
import type { Command } from "./command.ts";

export const run: Command = async (context, typed) => {
  const request = resolveDaemon(typed);
  await runDaemon({ ...request, root: request.root === undefined ? undefined : realPath(request.root) }, {
    log: lineLog((line) => context.stderr.write(`${line}\n`)),
    readFile: (path) => new TextDecoder().decode(context.readFile(path)),
    ready: (address, port) => {
      const shown = address.includes(":") ? `[${address}]` : address;
      context.stdout.write(`blit daemon ready on ${shown}:${port}\n`);
    },
  });
  return ExitCode.Ok;
};

/** Later changes of the working directory or of symlinks shall not change what is exported. */
function realPath(path: string): string {
  const facts = pathFacts(path, true);
  if (facts === undefined) throw new BlitError("failed", `Cannot export "${path}": no such directory`);
  if (facts.kind !== Kind.Directory) throw new BlitError("failed", `Cannot export "${path}": it is not a directory`);
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    throw BlitError.from(error, `export "${path}"`);
  }
}
