/** The face of every command: each is one file that exports `run`. */

import type { Typed } from "../args/parse.ts";
import type { ExitCode } from "../base/errors.ts";
import type { CommandContext } from "./context.ts";

/** Throws a BlitError for what it cannot do; everything else it says itself. */
export type Command = (context: CommandContext, typed: Typed) => ExitCode | Promise<ExitCode>;
