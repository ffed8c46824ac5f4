/** Summaries, progress and streams to test reports with. */

import type { Progress, Summary } from "../../lib/model/event.ts";
import { Screen, type TextOutput } from "../../lib/report/screen.ts";

export function summary(changes: Partial<Summary> = {}): Summary {
  return {
    verb: "copy",
    dryRun: false,
    status: "ok",
    route: "streaming",
    routeReason: "1,290 files, 3.73 GiB: beyond 8 files and 95.4 MiB",
    predictedPlanningMs: 50,
    planningMs: 42,
    workers: 2,
    stalls: 0,
    filesTotal: 1290,
    filesCopied: 1234,
    filesUnchanged: 56,
    filesRemoved: 0,
    filesDeleted: 0,
    filesFailed: 0,
    filesMetadataOnly: 0,
    filesNotTried: 0,
    directoriesTotal: 12,
    directoriesCreated: 3,
    directoriesDeleted: 0,
    bytesTotal: 4_000_000_000,
    bytesCopied: 3_435_973_836,
    bytesByMethod: { reflink: 2_254_857_830, read_write: 1_181_116_006 },
    durationMs: 12_300,
    failuresTotal: 0,
    failures: [],
    notices: [],
    ...changes,
  };
}

export function progress(changes: Partial<Progress> = {}): Progress {
  return {
    phase: "copying",
    filesDone: 12_345,
    filesTotal: 30_000,
    bytesDone: 1_335_000_000,
    bytesTotal: 3_328_599_654,
    scanComplete: true,
    currentPath: "photos/2024/summer/IMG_0001.jpg",
    workers: 2,
    waits: { planner: 0, source: 0, destination: 0 },
    ...changes,
  };
}

/** A stream that notes what was written to it, and in which order two of them were written. */
export class Recorder implements TextOutput {
  text = "";
  constructor(readonly isTerminal = false, readonly log: string[] = []) {}
  write(text: string): void {
    this.text += text;
    this.log.push(text);
  }
}

export function screenOn(stdout = new Recorder(), stderr = new Recorder()) {
  return { screen: new Screen(stdout, stderr), stdout, stderr };
}
