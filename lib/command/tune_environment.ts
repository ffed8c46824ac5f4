/** The environment of a command, as the tuner asks for it. */

import type { Environment } from "../tune/config_dir.ts";
import type { CommandContext } from "./context.ts";

export function tuneEnvironment(context: CommandContext): Environment {
  return { os: Deno.build.os, get: (name) => context.environment(name) };
}
