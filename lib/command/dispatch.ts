/** From the words of the command line to the exit code: finds the command, runs it, says what went wrong. */

import { isGiven, parseArguments, type Typed } from "../args/parse.ts";
import type { VerbName } from "../args/verbs.ts";
import { BlitError, ExitCode } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import type { CommandContext } from "./context.ts";
import { loaders } from "./loaders.ts";

/** Never rejects; every error has been said on standard error, as one line. */
export async function dispatch(words: readonly string[], context: CommandContext): Promise<ExitCode> {
  try {
    const typed = parseArguments(words);
    if (isGiven(typed, "help")) {
      const operands = typed.verb === undefined ? [] : [typed.verb.name];
      return await runCommand("help", context, { ...typed, operands });
    }
    if (isGiven(typed, "version")) return await runCommand("version", context, typed);
    if (typed.verb !== undefined) return await runCommand(typed.verb.name, context, typed);
    context.stderr.write((await import("../args/help.ts")).shortUsage());
    return ExitCode.Usage;
  } catch (thrown) {
    const error = BlitError.from(thrown, "run");
    context.stderr.write(`blit: ${errorText(error)}\n`);
    return error.exitCode;
  }
}

async function runCommand(name: VerbName, context: CommandContext, typed: Typed): Promise<ExitCode> {
  const { run } = await loaders[name]();
  return await run(context, typed);
}

/** Message and hint as one line, safe for a terminal. */
export function errorText(error: BlitError): string {
  return printablePath(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
}
