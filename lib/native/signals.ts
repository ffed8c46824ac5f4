/**
 * Signals that were ignored when the process started (nohup, a background job of a script) and shall stay so. The runtime's first
 * listener, of whatever signal, takes SIGHUP, SIGINT and SIGTERM over and forgets what they were, so this is read before.
 */

import { openDaemonLibrary } from "./library.ts";

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
export type StopSignal = keyof typeof numbers;

let ignored: ReadonlySet<StopSignal> | undefined;

/** The same at every call. The first one must come before any signal listener. */
export function ignoredAtStart(): ReadonlySet<StopSignal> {
  return ignored ??= new Set((Object.keys(numbers) as StopSignal[]).filter((signal) => isIgnored(numbers[signal])));
}

function isIgnored(number: number): boolean {
  if (Deno.build.os !== "linux") return openDaemonLibrary()?.symbols.blit_signal_ignored(number) === 1n;
  const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> BigInt(number - 1) & 1n) === 1n;
}
