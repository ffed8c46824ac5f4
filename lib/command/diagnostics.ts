/** `blit diagnostics perf`: shows the performance history, and switches or clears it. */

import { isGiven } from "../args/parse.ts";
import { type PerfRequest, resolvePerf } from "../args/resolve_tuning.ts";
import { BlitError, ExitCode } from "../base/errors.ts";
import { perfJson, perfLines } from "../report/perf_table.ts";
import { configDir } from "../tune/config_dir.ts";
import { clearHistory, readHistory } from "../tune/history.ts";
import { forgetPredictor } from "../tune/predictor_store.ts";
import { enableHistory, historyState } from "../tune/settings.ts";
import type { Command } from "./command.ts";
import { tuneEnvironment } from "./tune_environment.ts";

export const run: Command = (context, typed) => {
  const request = resolvePerf(typed);
  const environment = tuneEnvironment(context);
  const dir = configDir(environment);
  if (dir === undefined) refuseChange(request);
  else change(dir, request);
  const view = { state: historyState(dir, environment), ...read(dir) };
  // After a change the new state is the answer, not the table.
  const answer = request.enable !== undefined || request.clear ? perfLines(view).slice(0, 1) : perfLines(view);
  context.stdout.write(isGiven(typed, "json") ? `${JSON.stringify(perfJson(view))}\n` : `${answer.join("\n")}\n`);
  return ExitCode.Ok;
};

function refuseChange({ enable, clear }: PerfRequest): void {
  if (enable === undefined && !clear) return;
  throw new BlitError(
    "failed",
    "Cannot change the performance history: the environment names no configuration directory",
    "Set HOME or XDG_CONFIG_HOME.",
  );
}

/** First the switch: no run that ends meanwhile is recorded after the clearing. */
function change(dir: string, { enable, clear }: PerfRequest): void {
  try {
    if (enable !== undefined) enableHistory(dir, enable);
    if (!clear) return;
    clearHistory(dir);
    forgetPredictor(dir);
  } catch (error) {
    throw BlitError.from(error, `change the performance history in "${dir}"`);
  }
}

function read(dir: string | undefined): ReturnType<typeof readHistory> {
  if (dir === undefined) return { records: [], unreadable: 0 };
  try {
    return readHistory(dir);
  } catch (error) {
    throw BlitError.from(error, `read the performance history in "${dir}"`);
  }
}
