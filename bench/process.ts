/** Starting helper programs, none of them timed: output collected, ended when the bench is interrupted. */

import { BenchError, Interrupted } from "./failure.ts";

/** Runs to the end and returns standard output. Raises BenchError on failure, Interrupted when the signal fired. */
export async function run(command: readonly string[], signal?: AbortSignal): Promise<string> {
  const result = await attempt(command, signal);
  if (!result.success) throw new BenchError(`Cannot run "${command.join(" ")}": ${result.stderr.trim()}`);
  return result.stdout;
}

/** Like `run`, but a failure is a result. `environment` comes on top of the bench's own. */
export async function attempt(
  command: readonly string[],
  signal?: AbortSignal,
  environment?: Readonly<Record<string, string>>,
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  throwIfAborted(signal);
  try {
    const output = await new Deno.Command(command[0], {
      args: command.slice(1),
      env: environment,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).output();
    throwIfAborted(signal);
    const decoder = new TextDecoder();
    return { success: output.success, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { success: false, stdout: "", stderr: "not found" };
    throw error;
  }
}

/** The first line that a program prints about its version; undefined when it is not installed. */
export async function versionLine(command: readonly string[]): Promise<string | undefined> {
  const result = await attempt(command);
  if (!result.success) return undefined;
  return result.stdout.split("\n")[0].trim();
}

export function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw new Interrupted("Interrupted");
}
