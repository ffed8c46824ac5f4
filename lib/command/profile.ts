/** `blit profile`: what was learnt for each route, and what the next run makes of it. */

import { noOperands } from "../args/operands.ts";
import { isGiven } from "../args/parse.ts";
import { ExitCode } from "../base/errors.ts";
import { profileJson, profileLines } from "../report/perf_table.ts";
import { configDir } from "../tune/config_dir.ts";
import { allLearnt } from "../tune/learning.ts";
import { emptyPredictor } from "../tune/predictor.ts";
import { learntProfiles } from "../tune/profiles.ts";
import { historyState } from "../tune/settings.ts";
import type { Command } from "./command.ts";
import { tuneEnvironment } from "./tune_environment.ts";

export const run: Command = (context, typed) => {
  noOperands(typed);
  const environment = tuneEnvironment(context);
  const dir = configDir(environment);
  const state = historyState(dir, environment);
  const profiles = learntProfiles(dir === undefined ? emptyPredictor : allLearnt(dir));
  if (isGiven(typed, "json")) {
    context.stdout.write(`${JSON.stringify({ history: state, ...profileJson(profiles) })}\n`);
    return ExitCode.Ok;
  }
  const unused = profiles.length > 0 && state !== "enabled";
  const lines = [
    ...(unused ? [`Nothing of this is used: the performance history is ${state}`, ""] : []),
    ...profileLines(profiles),
  ];
  context.stdout.write(`${lines.join("\n")}\n`);
  return ExitCode.Ok;
};
