/**
 * Owns what a job writes: lines on standard output, lines on standard error, and a live block at the bottom of a
 * terminal. Guarantees that they never run into each other: the block is cleared before another line appears, and
 * both streams keep the order of the calls. Lines on standard output are collected; `flush` (10 times a second, and at
 * the end) or a full buffer writes them.
 */

import { cellWidth } from "./width.ts";

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
  /** The widths in cells of the live lines that are on the terminal. */
  #liveCells: readonly number[] = [];
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

  /** Replaces the live block. `columns`: how wide the terminal is now; no line is wider. */
  showLive(lines: readonly string[], columns: number): void {
    this.flush();
    this.#stderr.write(this.#clearing(columns) + lines.join("\n"));
    this.#liveCells = lines.map(cellWidth);
    this.#liveColumns = columns;
  }

  clearLive(): void {
    if (this.#liveCells.length === 0) return;
    this.#stderr.write(this.#clearing(this.#liveColumns));
    this.#liveCells = [];
  }

  #clearing(columns: number): string {
    // A terminal that became narrower has wrapped the old lines over several rows; the cursor stands in the last one.
    const rows = this.#liveCells.reduce((sum, cells) => sum + Math.max(1, Math.ceil(cells / columns)), 0);
    return rows > 1 ? `\x1b[${rows - 1}A${clearToEnd}` : clearLine;
  }
}
