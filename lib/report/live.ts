/**
 * Shows the progress of a job on standard error: on a terminal one line that is drawn again and again, with --stats a block
 * of lines; elsewhere (if asked for) a line every 10 seconds. Asks for the width at each draw, so that resizing works.
 */

import type { Progress } from "../model/event.ts";
import { progressLine, type Rates } from "./progress_line.ts";
import { RateMeter } from "./rate_meter.ts";
import type { Screen } from "./screen.ts";
import type { StatsBlock } from "./stats_block.ts";

/** Short enough to follow what happens, long enough not to flicker. */
const currentWindowMs = 3000;
/** Longer, because a jumping ETA helps nobody. */
const etaWindowMs = 15_000;
const plainEveryMs = 10_000;
const plainColumns = 200;

export class LiveProgress {
  readonly #screen: Screen;
  /** Columns of the terminal now; undefined: standard error is none. */
  readonly #columns: () => number | undefined;
  readonly #bytes = new RateMeter(etaWindowMs);
  readonly #files = new RateMeter(etaWindowMs);
  readonly #startMs: number;
  readonly #stats: StatsBlock | undefined;
  #plainAtMs: number;

  /** `stats`: what stands below the line on a terminal. */
  constructor(screen: Screen, columns: () => number | undefined, startMs: number, stats?: StatsBlock) {
    this.#screen = screen;
    this.#columns = columns;
    this.#startMs = startMs;
    this.#stats = stats;
    this.#plainAtMs = startMs;
    this.#bytes.add(startMs, 0);
    this.#files.add(startMs, 0);
  }

  draw(progress: Progress, nowMs: number): void {
    this.#bytes.add(nowMs, progress.bytesDone);
    this.#files.add(nowMs, progress.filesDone);
    const columns = this.#columns();
    if (columns === undefined) {
      if (nowMs - this.#plainAtMs < plainEveryMs) return;
      this.#plainAtMs = nowMs;
      this.#screen.errorLine(progressLine(progress, this.#rates(progress, nowMs), plainColumns));
      return;
    }
    // The last column stays free: some terminals wrap as soon as it is filled.
    const cells = Math.max(1, columns - 1);
    const line = progressLine(progress, this.#rates(progress, nowMs), cells);
    this.#screen.showLive([line, ...this.#stats?.lines(progress, nowMs, cells) ?? []], columns);
  }

  #rates(progress: Progress, nowMs: number): Rates {
    const elapsedMs = nowMs - this.#startMs;
    return {
      current: this.#bytes.rate(currentWindowMs),
      average: elapsedMs > 0 ? progress.bytesDone * 1000 / elapsedMs : 0,
      etaMs: this.#etaMs(progress),
    };
  }

  #etaMs(progress: Progress): number | undefined {
    if (!progress.scanComplete) return undefined;
    const byBytes = progress.bytesTotal !== undefined;
    const left = byBytes ? progress.bytesTotal - progress.bytesDone : progress.filesTotal - progress.filesDone;
    if (left <= 0) return 0;
    const rate = (byBytes ? this.#bytes : this.#files).rate(etaWindowMs);
    return rate > 0 ? left * 1000 / rate : undefined;
  }
}
