/** Where each command lives. A command's file is loaded only when the command is called. */

import type { VerbName } from "../args/verbs.ts";
import type { Command } from "./command.ts";

// Written out, so that `deno compile` finds the files.
export const loaders: Readonly<Record<VerbName, () => Promise<{ run: Command }>>> = {
  copy: () => import("./copy.ts"),
  mirror: () => import("./mirror.ts"),
  move: () => import("./move.ts"),
  check: () => import("./check.ts"),
  completions: () => import("./completions.ts"),
  help: () => import("./help.ts"),
  version: () => import("./version.ts"),
};
