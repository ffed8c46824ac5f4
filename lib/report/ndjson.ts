/**
 * `--ndjson`: one JSON object per line on standard output. Types: "entry" (changes), "failure", "notice", "phase", "planner"
 * as they happen, "progress" once a second, and as the last line "summary" (with "error" in it where the job broke off).
 */

import type { BlitError } from "../base/errors.ts";
import type { JobEvent, Progress, Summary, Waits } from "../model/event.ts";
import type { Reporter } from "./reporter.ts";
import type { Screen } from "./screen.ts";
import { errorRecord, summaryRecord } from "./summary_json.ts";

const progressEveryMs = 1000;

export class NdjsonReporter implements Reporter {
  readonly #screen: Screen;
  #progressAtMs: number | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  event(event: JobEvent): void {
    // Most unchanged entries are only counted, so the rest of them would be half a list.
    if (event.type === "entry" && event.change === "unchanged") return;
    // The fields of events are single words, so they are snake_case as they stand.
    this.#screen.line(JSON.stringify(event));
  }

  progress(progress: Progress, nowMs: number): void {
    this.#progressAtMs ??= nowMs;
    if (nowMs - this.#progressAtMs < progressEveryMs) return;
    this.#progressAtMs = nowMs;
    this.#screen.line(JSON.stringify({
      type: "progress",
      phase: progress.phase,
      files_done: progress.filesDone,
      files_total: progress.filesTotal,
      bytes_done: progress.bytesDone,
      bytes_total: progress.bytesTotal,
      scan_complete: progress.scanComplete,
      current_path: progress.currentPath,
      workers: progress.workers,
      waits_ms: roundedWaits(progress.waits),
    }));
  }

  finish(summary: Summary): void {
    this.#screen.line(JSON.stringify({ type: "summary", ...summaryRecord(summary) }));
  }

  fail(error: BlitError): void {
    this.#screen.line(JSON.stringify({ type: "summary", ...errorRecord(error) }));
  }
}

function roundedWaits({ planner, source, destination }: Waits) {
  return { planner: Math.round(planner), source: Math.round(source), destination: Math.round(destination) };
}
