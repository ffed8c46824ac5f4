/** The text of the live line. Pure: figures and a width in, one line out. */

import { printablePath } from "../base/path_bytes.ts";
import { formatBytes, formatClock, formatCount, formatRate } from "../base/units.ts";
import type { Progress } from "../model/event.ts";
import { cellWidth, cutMiddle } from "./width.ts";

/** Bytes per second. */
export interface Rates {
  readonly current: number;
  readonly average: number;
  /** Undefined while it cannot be told. */
  readonly etaMs?: number;
}

interface Piece {
  readonly text: string;
  /** Where room is short, the piece with the highest number goes first. */
  readonly dispensable: number;
}

const gap = "  ";
/** A path cut shorter than this says nothing. */
const pathMinCells = 8;
/** What a path may claim; the figures at `dispensableForPath` and above give way to it. */
const pathClaimCells = 24;
const dispensableForPath = 5;

/** At most `cells` wide. */
export function progressLine(progress: Progress, rates: Rates, cells: number): string {
  const path = progress.currentPath === undefined ? "" : printablePath(progress.currentPath);
  const claim = path === "" ? 0 : gap.length + Math.min(cellWidth(path), pathClaimCells);
  let pieces = withoutDispensable(piecesOf(progress, rates), cells - claim, dispensableForPath);
  pieces = withoutDispensable(pieces, cells, 1);
  const line = cutMiddle(join(pieces), cells);
  const room = cells - cellWidth(line) - gap.length;
  return path === "" || room < pathMinCells ? line : line + gap + cutMiddle(path, room);
}

/** Leaves out one piece after the other, but none below `least`, until the rest fits. */
function withoutDispensable(pieces: Piece[], cells: number, least: number): Piece[] {
  while (cellWidth(join(pieces)) > cells) {
    const worst = Math.max(...pieces.map((piece) => piece.dispensable));
    if (worst < least) break;
    pieces = pieces.filter((piece) => piece.dispensable !== worst);
  }
  return pieces;
}

/** In the order shown. */
function piecesOf(progress: Progress, rates: Rates): Piece[] {
  const pieces: Piece[] = [{ text: progress.phase, dispensable: 0 }];
  const { bytesDone, bytesTotal, filesDone, filesTotal, scanComplete } = progress;
  const totalKnown = scanComplete && bytesTotal !== undefined;
  pieces.push({ text: totalKnown ? bytesOf(bytesDone, bytesTotal) : formatBytes(bytesDone), dispensable: 1 });
  const share = shareDone(progress);
  if (share !== undefined) pieces.push({ text: `${Math.floor(share * 100)}%`, dispensable: 3 });
  pieces.push({
    text: `${formatCount(filesDone)}/${formatCount(filesTotal)}${scanComplete ? "" : "+"} files`,
    dispensable: 5,
  });
  pieces.push({ text: formatRate(rates.current), dispensable: 2 });
  pieces.push({ text: `avg ${formatRate(rates.average)}`, dispensable: 6 });
  if (scanComplete) {
    pieces.push({ text: `ETA ${rates.etaMs === undefined ? "-" : formatClock(rates.etaMs)}`, dispensable: 4 });
  }
  return pieces;
}

/** "1.24/3.10 GiB" or "980 MiB/3.10 GiB". */
function bytesOf(done: number, total: number): string {
  const [doneText, totalText] = [formatBytes(done), formatBytes(total)];
  const unit = totalText.slice(totalText.indexOf(" "));
  return `${doneText.endsWith(unit) ? doneText.slice(0, -unit.length) : doneText}/${totalText}`;
}

/** 0 to 1: by bytes where their total is known, else by files; undefined while totals still grow. */
export function shareDone(progress: Progress): number | undefined {
  if (!progress.scanComplete) return undefined;
  const byBytes = progress.bytesTotal !== undefined && progress.bytesTotal > 0;
  const done = byBytes ? progress.bytesDone : progress.filesDone;
  const total = byBytes ? progress.bytesTotal : progress.filesTotal;
  return total > 0 ? Math.min(1, done / total) : undefined;
}

function join(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join(gap);
}
