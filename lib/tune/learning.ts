/**
 * What a run needs of its forerunners, and leaves to its successors: the one face of history and predictor for the session.
 *
 * Never fails and never prints. What could not be read is as if nothing had been learnt; what could not be kept is lost.
 */

import type { HistoryState, RunRecord } from "../model/run_record.ts";
import { configDir, type Environment, processEnvironment } from "./config_dir.ts";
import { appendRecord } from "./history.ts";
import { emptyPredictor, isInstructive, learn, type PredictorState } from "./predictor.ts";
import { loadPredictor, savePredictor } from "./predictor_store.ts";
import { historyState } from "./settings.ts";

export interface Learning {
  readonly state: HistoryState;
  /** What is known; empty when history is off. */
  readonly predictor: PredictorState;
  /** Keeps the record and learns from it. Resolves to an Error where that failed, for --verbose. */
  remember(record: RunRecord): Promise<Error | undefined>;
}

/** Reads two small files, at most. */
export function openLearning(environment: Environment = processEnvironment): Learning {
  const dir = configDir(environment);
  const state = historyState(dir, environment);
  if (state !== "enabled" || dir === undefined) {
    return { state, predictor: emptyPredictor, remember: () => Promise.resolve(undefined) };
  }
  return { state, predictor: loadPredictor(dir), remember: (record) => remember(dir, record) };
}

async function remember(dir: string, record: RunRecord): Promise<Error | undefined> {
  try {
    await appendRecord(dir, record);
    // Read again: other runs may have ended meanwhile.
    if (isInstructive(record)) savePredictor(dir, learn(loadPredictor(dir), record));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
