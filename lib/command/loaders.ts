/** Where each command lives. A command's file is loaded only when the command is called. */

import type { VerbName } from "../args/verbs.ts";
import type { Command } from "./command.ts";

// Written out, so that `deno compile` finds the files.
export const loaders: Readonly<Record<VerbName, () => Promise<{ run: Command }>>> = {
  copy: () => forJob(import("./copy.ts")),
  mirror: () => forJob(import("./mirror.ts")),
  move: () => forJob(import("./move.ts")),
  check: () => forJob(import("./check.ts")),
  daemon: () => import("./daemon.ts"),
  modules: () => import("./modules.ts"),
  ls: () => import("./ls.ts"),
  find: () => import("./find.ts"),
  du: () => import("./du.ts"),
  df: () => import("./df.ts"),
  rm: () => import("./rm.ts"),
  jobs: () => import("./jobs.ts"),
  scan: () => import("./scan.ts"),
  diagnostics: () => import("./diagnostics.ts"),
  profile: () => import("./profile.ts"),
  "complete-path": () => import("./complete_path.ts"),
  completions: () => import("./completions.ts"),
  help: () => import("./help.ts"),
  version: () => import("./version.ts"),
};

/** Along with the command, what its job will need: asked for one after the other, scripts cost 3 ms more at every start. */
function forJob<T>(command: Promise<T>): Promise<T> {
  for (const script of [import("./start_job.ts"), import("../report/text.ts")]) script.catch(() => {});
  return command;
}
