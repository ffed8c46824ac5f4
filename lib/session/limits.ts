/** How much may be under way at once. These bound the memory of a run: it depends on them, not on the number of files. */

/** Deno runs at most 32 nonblocking calls; each worker is one, and waiting for results is one more. */
const WORKERS_MAX = 24;

/** One worker per core: the work is system calls, and more threads than cores only wait for each other. */
export function workerCount(): number {
  return Math.min(Math.max(navigator.hardwareConcurrency, 2), WORKERS_MAX);
}

/** Entries handed to workers and not finished: the scan pauses above it. About 0.1 s of work for small files. */
export const ENTRIES_IN_FLIGHT = 16_384;

/** Listings under way. Enough that no worker waits for TypeScript to wake up, few enough to hold their batches in memory. */
export const LISTINGS_IN_FLIGHT = 64;
