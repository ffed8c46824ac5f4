/**
 * Whether runs are recorded: `settings.json` in the configuration folder, and BLIT_DISABLE_PERF_HISTORY.
 *
 * Without a settings file history is on. A settings file that cannot be understood may say no, so it counts as no.
 */

import type { HistoryState } from "../model/run_record.ts";
import { readSmallText } from "../native/paths.ts";
import { type Environment, processEnvironment } from "./config_dir.ts";
import { replaceFile } from "./private_files.ts";

/** `dir`: the configuration folder, if there is one. */
export function historyState(dir: string | undefined, environment: Environment = processEnvironment): HistoryState {
  if (!["", "0"].includes(environment.get("BLIT_DISABLE_PERF_HISTORY") ?? "")) return "disabled by environment";
  if (dir === undefined) return "no configuration directory";
  return readSettings(dir)?.perf_history === false ? "disabled by settings" : "enabled";
}

/** Turns recording on or off for all later runs; other settings stay. Throws what the file system says. */
export function enableHistory(dir: string, enabled: boolean): void {
  const settings = { ...readSettings(dir), perf_history: enabled };
  replaceFile(dir, "settings.json", `${JSON.stringify(settings, null, 2)}\n`);
}

/** Undefined where there is no file; a file that cannot be read or is no JSON object counts as `perf_history: false`. */
function readSettings(dir: string): Record<string, unknown> | undefined {
  const unclear = { perf_history: false };
  try {
    const text = readSmallText(`${dir}/settings.json`);
    if (text === undefined) return undefined;
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : unclear;
  } catch {
    return unclear;
  }
}
