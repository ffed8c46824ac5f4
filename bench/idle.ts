/**
 * Waits for the machine to calm down before a timed run: what the run before left to the kernel (freeing inodes, writing
 * back) and what other programs do would both be counted as its time.
 */

import { readText } from "./machine.ts";
import { throwIfAborted } from "./process.ts";

const windowMs = 40;
/** One tick of 10 ms on one of two cores is still calm. */
const calmShare = 0.15;

/** Returns when the cores were idle for a moment, or when the patience is at its end. */
export async function waitForIdle(patienceMs: number, signal?: AbortSignal): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    throwIfAborted(signal);
    const before = coreTicks(await readText("/proc/stat"));
    await new Promise((resolve) => setTimeout(resolve, windowMs));
    const after = coreTicks(await readText("/proc/stat"));
    const share = (after.busy - before.busy) / (after.all - before.all);
    if (!(share > calmShare) || performance.now() > end) return;
  }
}

/** Ticks that all cores spent since boot, from the text of /proc/stat; waiting for a disk counts as idle. */
export function coreTicks(stat: string): { busy: number; all: number } {
  const ticks = (stat.match(/^cpu +([\d ]+)$/m)?.[1] ?? "").split(" ").map(Number);
  const all = ticks.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}
