/** `blit version`, and `--version` of every command */

import { ExitCode, usageError } from "../base/errors.ts";
import { commit, version } from "../base/version.ts";
import type { Command } from "./command.ts";

export const run: Command = (context, typed) => {
  if (typed.verb?.name === "version" && typed.operands.length > 0) throw usageError("`blit version` takes nothing");
  context.stdout.write(`blit ${version} (commit ${commit})\n`);
  return ExitCode.Ok;
};
