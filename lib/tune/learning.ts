/**
 * What a run needs of its forerunners, and leaves to its successors: the one face of history and predictor for the session.
 *
 * Never fails and never prints. What could not be read is as if nothing had been learnt; what could not be kept is lost.
 */

import type { HistoryState, RunRecord } from "../model/run_record.ts";
import { configDir, type Environment, processEnvironment } from "./config_dir.ts";
import { appendRecord, newestRecords, type Span } from "./history.ts";
import { emptyPredictor, isInstructive, learnNew, type PredictorState, runsLearnt } from "./predictor.ts";
import { loadPredictor, savePredictor } from "./predictor_store.ts";
import { historyState } from "./settings.ts";

export interface Learning {
  readonly state: HistoryState;
  /** What is known; empty when history is off. */
  readonly predictor: PredictorState;
  /** Keeps the record; it, or the next batch, is learnt from. Returns an Error where that failed, for --verbose. */
  remember(record: RunRecord): Error | undefined;
}

/** Learning takes a millisecond or two, which a shorter run would feel. */
const FELT_BELOW_MS = 200;
/** So many runs have to be known before the next ones may wait. */
const KNOWN_FROM_RUNS = 10;
/** About 20 records. */
const BATCH_BYTES = 16 * 1024;

/** Reads two small files, at most. */
export function openLearning(environment: Environment = processEnvironment): Learning {
  const dir = configDir(environment);
  const state = historyState(dir, environment);
  if (state !== "enabled" || dir === undefined) {
    return { state, predictor: emptyPredictor, remember: () => undefined };
  }
  const predictor = loadPredictor(dir);
  return { state, predictor, remember: (record) => remember(dir, predictor, record) };
}

/** What would be known if all runs had been learnt. */
export function allLearnt(dir: string): PredictorState {
  const predictor = loadPredictor(dir);
  try {
    return learnNew(predictor, newestRecords(dir));
  } catch {
    return predictor; // the history cannot be read
  }
}

function remember(dir: string, known: PredictorState, record: RunRecord): Error | undefined {
  try {
    const span = appendRecord(dir, record);
    // Loaded again: other runs may have ended meanwhile.
    if (isDue(known, record, span)) {
      savePredictor(dir, learnNew(loadPredictor(dir), newestRecords(dir)));
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Short runs between file systems that are known well are learnt in batches: whoever's record begins a new one does it. */
function isDue(known: PredictorState, record: RunRecord, { start, end }: Span): boolean {
  if (Math.floor(start / BATCH_BYTES) !== Math.floor(end / BATCH_BYTES)) return true;
  if (!isInstructive(record)) return false;
  return record.total_ms >= FELT_BELOW_MS || runsLearnt(known, record) < KNOWN_FROM_RUNS;
}
