/**
 * `--json`: one object on standard output. With a list of changes that list comes first and is written as it grows
 * (one change per line), so that memory does not grow with it. Failures are also named on standard error, because the
 * summary holds only the first ones.
 */

import type { BlitError } from "../base/errors.ts";
import type { JobEvent, Summary } from "../model/event.ts";
import type { Reporter } from "./reporter.ts";
import type { Screen } from "./screen.ts";
import { errorRecord, summaryRecord } from "./summary_json.ts";
import { failureText } from "./text.ts";

export class JsonReporter implements Reporter {
  readonly #screen: Screen;
  readonly #listChanges: boolean;
  #changes = 0;

  constructor(screen: Screen, options: { readonly listChanges: boolean }) {
    this.#screen = screen;
    this.#listChanges = options.listChanges;
  }

  event(event: JobEvent): void {
    if (event.type === "failure") {
      this.#screen.errorLine(`blit: ${failureText(event)}`);
    } else if (event.type === "entry" && this.#listChanges && event.change !== "unchanged") {
      const { change, kind, path, size } = event;
      this.#screen.write(this.#changes++ === 0 ? '{"changes":[\n' : ",\n");
      this.#screen.write(JSON.stringify({ change, kind, path, size }));
    }
  }

  finish(summary: Summary): void {
    this.#close(summaryRecord(summary));
  }

  fail(error: BlitError): void {
    this.#close(errorRecord(error));
  }

  #close(record: object): void {
    if (!this.#listChanges) return this.#screen.line(JSON.stringify(record));
    this.#screen.write(this.#changes === 0 ? '{"changes":[' : "\n");
    this.#screen.line(`],${JSON.stringify(record).slice(1)}`);
  }
}
