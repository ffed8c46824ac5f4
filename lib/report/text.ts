/** For people: changes as lines, failures and notices on standard error, a summary at the end. */

import { printablePath } from "../base/path_bytes.ts";
import type { Failure, JobEvent, Progress, Summary } from "../model/event.ts";
import { itemLine } from "./itemize.ts";
import type { Paint } from "./palette.ts";
import type { Reporter } from "./reporter.ts";
import type { Screen } from "./screen.ts";
import type { IoMeter } from "./stats_block.ts";
import { explanationLines, statsLines, summaryLines } from "./summary_text.ts";

export interface TextOptions {
  /** Failures only. */
  readonly quiet: boolean;
  /** Print changed entries. */
  readonly listChanges: boolean;
  /** Print what was decided and why. */
  readonly explain: boolean;
  /** More figures at the end, these among them. */
  readonly stats?: Pick<IoMeter, "average">;
  /** The job reads only (--null). */
  readonly discard: boolean;
  readonly paintOut: Paint;
  readonly paintError: Paint;
}

/** Of one kind. */
const failuresShown = 100;

export class TextReporter implements Reporter {
  readonly #screen: Screen;
  readonly #options: TextOptions;
  readonly #failuresByCode = new Map<string, number>();
  #directoriesMetadataOnly = 0;
  #last: Progress | undefined;

  constructor(screen: Screen, options: TextOptions) {
    this.#screen = screen;
    this.#options = options;
  }

  event(event: JobEvent): void {
    const { quiet, listChanges, explain, paintOut, paintError } = this.#options;
    switch (event.type) {
      case "entry":
        if (event.change === "metadata" && event.kind === "directory") this.#directoriesMetadataOnly++;
        if (listChanges && event.change !== "unchanged") this.#screen.line(itemLine(event, event.change, paintOut));
        break;
      case "failure":
        this.#failure(event, paintError("red", "blit:"));
        break;
      case "notice":
        if (!quiet) this.#screen.errorLine(`${paintError("yellow", "blit:")} ${printablePath(event.message)}`);
        break;
      case "planner":
        if (explain) this.#screen.errorLine(`${paintError("dim", "blit:")} ${printablePath(event.message)}`);
        break;
      case "phase":
        break;
    }
  }

  /** A full disk fails every file that follows: after so many alike the rest is only counted. */
  #failure(event: Failure, mark: string): void {
    const alike = (this.#failuresByCode.get(event.code) ?? 0) + 1;
    this.#failuresByCode.set(event.code, alike);
    if (alike <= failuresShown) this.#screen.errorLine(`${mark} ${failureText(event)}`);
    else if (alike === failuresShown + 1) {
      this.#screen.errorLine(
        `${mark} further failures of this kind (${event.code}) are counted, not listed; --ndjson lists all`,
      );
    }
  }

  progress(progress: Progress): void {
    this.#last = progress;
  }

  finish(summary: Summary): void {
    const { quiet, discard, explain, stats } = this.#options;
    if (quiet) return;
    const lines = [
      ...summaryLines(summary, { discard, directoriesMetadataOnly: this.#directoriesMetadataOnly }),
      ...(explain ? explanationLines(summary) : []),
      ...(stats === undefined ? [] : statsLines(summary, { io: stats.average(), waits: this.#last?.waits })),
    ];
    for (const line of lines) this.#screen.line(line);
  }

  fail(): void {}
}

/** `a/b: Cannot open: permission denied`, safe for a terminal. */
export function failureText(failure: { readonly path: string; readonly message: string }): string {
  return printablePath(`${failure.path}: ${failure.message}`);
}
