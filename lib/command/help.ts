/** `blit help`, and `--help` of every command */

import { generalHelp, verbHelp } from "../args/help.ts";
import { parseArguments } from "../args/parse.ts";
import { ExitCode, usageError } from "../base/errors.ts";
import type { Command } from "./command.ts";

export const run: Command = (context, typed) => {
  if (typed.operands.length > 1) throw usageError("`blit help` takes one command");
  // Parsed as a command line of its own, so that a misspelt name gets the same answer.
  const verb = typed.operands.length === 0 ? undefined : parseArguments(["--", ...typed.operands]).verb;
  context.stdout.write(verb === undefined ? generalHelp() : verbHelp(verb));
  return ExitCode.Ok;
};
