/** `bench micro`: single steps of a run, in TypeScript by `deno bench` and in C by `native/micro_shim.c`. */

import { BenchError } from "./failure.ts";
import { shimProgram } from "./native.ts";
import { throwIfAborted } from "./process.ts";

const here = import.meta.dirname;

/** Prints as it goes. Raises BenchError when one of the programs fails. */
export async function runMicro(signal: AbortSignal): Promise<void> {
  await show([Deno.execPath(), "bench", "--allow-all", "--no-check", `${here}/micro/`], signal);
  await show([await shimProgram("micro_shim")], signal);
}

async function show([command, ...args]: readonly string[], signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  const { success } = await new Deno.Command(command, { args, stdin: "null", signal }).spawn().status;
  throwIfAborted(signal);
  if (!success) throw new BenchError(`Cannot finish "${[command, ...args].join(" ")}"`);
}
