import type { Surroundings } from "../../bench/local.ts";

/** Of a bench that nobody watches and nobody interrupts. */
export function unwatched(file: string, print: (text: string) => void): Surroundings {
  return { print, status: () => {}, color: false, command: "bench", file, signal: new AbortController().signal };
}
