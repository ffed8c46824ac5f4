/** `blit complete-path`: for the completion scripts. Nobody looks at errors while typing: there are none. */

import { ExitCode } from "../base/errors.ts";
import { pathFromBytes, pathToBytes, printablePath } from "../base/path_bytes.ts";
import { splitRemote } from "../endpoint/remote.ts";
import type { Command } from "./command.ts";
import { askDaemon } from "./remote.ts";

const patienceMs = 2000;

export const run: Command = async (context, typed) => {
  try {
    const word = splitRemote(typed.operands[0] ?? "");
    if (word === undefined) return ExitCode.Ok;
    const { paths } = await askDaemon(
      word.daemon,
      typed,
      (client) => client.completePath({ prefix: pathToBytes(word.path) }, { timeoutMs: patienceMs }),
    );
    // A name that does not show as it is cannot be typed on a command line either.
    const typeable = paths.map(pathFromBytes).filter((path) => printablePath(path) === path);
    context.stdout.write(typeable.map((path) => `${word.before}${path}\n`).join(""));
  } catch {
    // the daemon is not there, or knows no such path
  }
  return ExitCode.Ok;
};
