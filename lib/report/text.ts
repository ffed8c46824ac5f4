/** For people: changes as lines, failures and notices on standard error, a summary at the end. */

import { printablePath } from "../base/path_bytes.ts";
import type { JobEvent, Summary } from "../model/event.ts";
import { itemLine } from "./itemize.ts";
import type { Paint } from "./palette.ts";
import type { Reporter } from "./reporter.ts";
import type { Screen } from "./screen.ts";
import { statsLines, summaryLines } from "./summary_text.ts";

export interface TextOptions {
  /** Failures only. */
  readonly quiet: boolean;
  /** Print changed entries. */
  readonly listChanges: boolean;
  /** Print what was decided and why. */
  readonly explain: boolean;
  readonly stats: boolean;
  /** The job reads only (--null). */
  readonly discard: boolean;
  readonly paintOut: Paint;
  readonly paintError: Paint;
}

export class TextReporter implements Reporter {
  readonly #screen: Screen;
  readonly #options: TextOptions;
  #directoriesMetadataOnly = 0;

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
        this.#screen.errorLine(`${paintError("red", "blit:")} ${failureText(event)}`);
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

  finish(summary: Summary): void {
    if (this.#options.quiet) return;
    const context = { discard: this.#options.discard, directoriesMetadataOnly: this.#directoriesMetadataOnly };
    for (const line of summaryLines(summary, context)) this.#screen.line(line);
    if (this.#options.stats) { for (const line of statsLines(summary)) this.#screen.line(line); }
  }

  fail(): void {}
}

/** `a/b: Cannot open: permission denied`, safe for a terminal. */
export function failureText(failure: { readonly path: string; readonly message: string }): string {
  return printablePath(`${failure.path}: ${failure.message}`);
}
