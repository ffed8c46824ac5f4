/** One timed run of one program, by `native/run.c`: spawn to exit. */

import { program } from "./native.ts";
import { attempt } from "./process.ts";
import { BenchError } from "./failure.ts";

const timeoutSeconds = 900;
const shownErrorBytes = 300;

export interface Sample {
  readonly wall_ms: number;
  readonly user_ms: number;
  readonly sys_ms: number;
  readonly peak_kib: number;
  /**
   * Core time spent on anything else meanwhile: other programs, the kernel's own threads, the host. Counted in ticks of
   * 10 ms, so that only sums over many runs mean something; a single one may be below 0.
   */
  readonly other_ms: number;
}

export type Outcome = { readonly sample: Sample } | { readonly failure: string };

interface RunReport {
  readonly wall_ns: number;
  readonly user_us: number;
  readonly sys_us: number;
  readonly peak_kib: number;
  readonly busy_ms: number;
  readonly exit: number;
  readonly signal: number;
  readonly timed_out: boolean;
}

/**
 * The command, told to write down how many system calls it and its children make: by the kernel's tracepoint, since a tracer would slow
 * it down a hundredfold. Undefined where perf is missing or may not count.
 */
export async function countingCalls(command: readonly string[], file: string): Promise<string[] | undefined> {
  const counting = (counted: readonly string[]) => [
    ...["perf", "stat", "-x,", "-e", callEvent, "-o", file, "--"],
    ...counted,
  ];
  const usable = (await attempt(counting(["true"]))).success && await callsIn(file) !== undefined;
  return usable ? counting(command) : undefined;
}

/** What a command from `countingCalls` wrote down. */
export async function callsIn(file: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(file).catch(() => "");
  const count = Number(new RegExp(`^(\\d+),.*${callEvent}`, "m").exec(text)?.[1]);
  return count > 0 ? count : undefined;
}

const callEvent = "raw_syscalls:sys_enter";

/** A program that fails is an outcome; only a bench that cannot measure throws. `errorFile` is overwritten. */
export async function measure(
  command: readonly string[],
  errorFile: string,
  signal?: AbortSignal,
  environment?: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const runner = await program("run");
  const result = await attempt([runner, String(timeoutSeconds), errorFile, ...command], signal, environment);
  if (!result.success) throw new BenchError(`Cannot measure "${command[0]}": ${result.stderr.trim()}`);
  const report: RunReport = JSON.parse(result.stdout);
  if (report.timed_out) return { failure: `still running after ${timeoutSeconds} s` };
  if (report.exit !== 0) {
    const errors = (await Deno.readTextFile(errorFile)).replace(/\s+/g, " ").trim().slice(0, shownErrorBytes);
    const state = report.signal ? `ended by signal ${report.signal}` : `exit code ${report.exit}`;
    return { failure: errors ? `${state}: ${errors}` : state };
  }
  return {
    sample: {
      wall_ms: report.wall_ns / 1e6,
      user_ms: report.user_us / 1e3,
      sys_ms: report.sys_us / 1e3,
      peak_kib: report.peak_kib,
      other_ms: report.busy_ms - (report.user_us + report.sys_us) / 1e3,
    },
  };
}
