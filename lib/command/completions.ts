/** `blit completions` */

import { completionScript, shells } from "../args/completions.ts";
import { ExitCode, usageError } from "../base/errors.ts";
import type { Command } from "./command.ts";

export const run: Command = (context, typed) => {
  const [shell, ...rest] = typed.operands;
  if (shell === undefined || rest.length > 0) {
    throw usageError("`blit completions` takes the name of one shell", `There are: ${shells.join(", ")}.`);
  }
  context.stdout.write(completionScript(shell));
  return ExitCode.Ok;
};
