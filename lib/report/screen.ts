/**
 * Owns what a job writes: lines on standard output, lines on standard error, and one live line at the bottom of a
 * terminal. Guarantees that they never run into each other: the live line is cleared before another line appears, and
 * both streams keep the order of the calls. Lines on standard output are collected; `flush` (10 times a second, and at
 * the end) or a full buffer writes them.
 */

/** One of the process's streams. `write` does not throw for a reader that is gone. */
export interface TextOutput {
  readonly isTerminal: boolean;
  write(text: string): void;
}

const bufferMaxChars = 64 * 1024;
const clearLine = "\r\x1b[K";
const clearToEnd = "\r\x1b[J";

export class Screen {
  readonly #stdout: TextOutput;
  readonly #stderr: TextOutput;
  #pending = "";
  /** Cells of the live line that is on the terminal; 0: there is none. */
  #liveCells = 0;
  #liveColumns = 0;

  constructor(stdout: TextOutput, stderr: TextOutput) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** Writes text to standard output as it is. */
  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= bufferMaxChars) this.flush();
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  errorLine(text: string): void {
    this.flush();
    this.clearLive();
    this.#stderr.write(`${text}\n`);
  }

  flush(): void {
    if (this.#pending === "") return;
    if (this.#stdout.isTerminal) this.clearLive();
    const text = this.#pending;
    this.#pending = "";
    this.#stdout.write(text);
  }

  /** Replaces the live line. `cells` is the width of `text`, `columns` that of the terminal now. */
  showLive(text: string, cells: number, columns: number): void {
    this.flush();
    this.#stderr.write(this.#clearing(columns) + text);
    this.#liveCells = cells;
    this.#liveColumns = columns;
  }

  clearLive(): void {
    if (this.#liveCells === 0) return;
    this.#stderr.write(this.#clearing(this.#liveColumns));
    this.#liveCells = 0;
  }

  #clearing(columns: number): string {
    // A terminal that became narrower has wrapped the old line over several rows; the cursor stands in the last one.
    const rowsAbove = this.#liveCells > columns ? Math.floor((this.#liveCells - 1) / columns) : 0;
    return rowsAbove > 0 ? `\x1b[${rowsAbove}A${clearToEnd}` : clearLine;
  }
}
