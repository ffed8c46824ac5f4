/** Where each command lives. A command's file is loaded only when the command is called. */

import type { VerbName } from "../args/verbs.ts";
import type { Command } from "./command.ts";

// Written out, so that `deno compile` finds the files.
export const loaders: Readonly<Record<VerbName, () => Promise<{ run: Command }>>> = {
  copy: async () => ({ run: (await import("./transfers.ts")).copy }),
  mirror: async () => ({ run: (await import("./transfers.ts")).mirror }),
  move: async () => ({ run: (await import("./transfers.ts")).move }),
  check: async () => ({ run: (await import("./transfers.ts")).check }),
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
