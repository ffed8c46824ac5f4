/** Finds blit itself: the compiled executable when it is up to date, else the sources under Deno. */

import { denortFromNpm } from "../.ci/denort.ts";
import { buildDir } from "./native.ts";
import { type Contender, keepsAll, type Row, type Tool } from "./contender.ts";
import { attempt, versionLine } from "./process.ts";
import type { Workload } from "./workloads.ts";

const repository = import.meta.dirname?.replace(/bench$/, "") ?? "";
const emptyProgram = `${import.meta.dirname}/empty.ts`;

export interface Blit {
  /** Arguments go behind. */
  readonly command: readonly string[];
  /** A program that does nothing, on the same runtime. */
  readonly empty: readonly string[];
  /** How it is run, for the reader of the results. */
  readonly how: string;
  readonly version: string;
}

/** blit, or why it cannot take part. */
export async function findBlit(): Promise<Blit | { readonly absent: string }> {
  const executable = `${repository}dist/blit`;
  const compiled = await modified(executable);
  const sources = await newestSource();
  if (sources === 0) return { absent: "main.ts is missing" };
  const reason = compiled === 0 ? "dist/blit is missing" : "dist/blit is older than its sources";
  const interpreted = [Deno.execPath(), "run", "-A", "--no-check"];
  const fresh = compiled > sources;
  const command = fresh ? [executable] : [...interpreted, `${repository}main.ts`];
  if (!fresh) await attempt([...interpreted, `${repository}native/build.ts`, "--optional"]);
  const version = await versionLine([...command, "--version"]);
  if (version === undefined) return { absent: `"${command.join(" ")} --version" fails` };
  const compiledEmpty = fresh ? await compileEmpty() : undefined;
  return {
    command,
    empty: compiledEmpty ? [compiledEmpty] : [...interpreted, emptyProgram],
    how: fresh ? "compiled executable" : `deno run (${reason})`,
    version,
  };
}

/** The empty program as an executable, made as dist/blit is; undefined where there is no denort to put it on. */
async function compileEmpty(): Promise<string | undefined> {
  const output = `${buildDir}empty`;
  if (await modified(output) > await modified(emptyProgram)) return output;
  const args = ["compile", "--quiet", "--allow-all", "--no-check", "--no-code-cache", "--output", output, emptyProgram];
  if ((await attempt([Deno.execPath(), ...args])).success) return output;
  const denort = await denortFromNpm().catch(() => undefined);
  if (!denort) return undefined;
  return (await attempt(["env", `DENORT_BIN=${denort}`, Deno.execPath(), ...args])).success ? output : undefined;
}

async function newestSource(): Promise<number> {
  let newest = await modified(`${repository}main.ts`);
  if (newest === 0) return 0;
  for (const room of ["lib", "native"]) {
    for await (const path of filesBelow(`${repository}${room}`)) newest = Math.max(newest, await modified(path));
  }
  return newest;
}

async function* filesBelow(directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory && entry.name !== "build") yield* filesBelow(`${directory}/${entry.name}`);
    if (entry.isFile) yield `${directory}/${entry.name}`;
  }
}

/** Milliseconds; 0 when there is nothing. */
async function modified(path: string): Promise<number> {
  return (await Deno.stat(path).catch(() => undefined))?.mtime?.getTime() ?? 0;
}

export function toolOf(blit: Blit | { readonly absent: string }): Tool {
  return "absent" in blit
    ? { id: "blit", absent: blit.absent }
    : { id: "blit", version: `${blit.version}, ${blit.how}` };
}

/** blit that records its runs in `config` as it does for its users, and finds there what it has learnt. */
export function recordingIn(config: string): Contender["environment"] {
  return { XDG_CONFIG_HOME: config, BLIT_DISABLE_PERF_HISTORY: "" };
}

/** blit's arguments for a task, from the contents of one directory to those of another; neither path ends in a slash. */
export function blitWords({ task, checksum }: Pick<Workload, "task" | "checksum">, from: string, to: string): string[] {
  const options = [...(checksum ? ["--checksum"] : []), ...(task === "mirror" ? ["--yes"] : [])];
  return [task, `${from}/`, `${to}/`, ...options];
}

/** blit in a row, and in a row about starting up also the empty program. */
export function blitFor(row: Row, blit: Blit, environment: Contender["environment"]): Contender[] {
  const { task, checksum } = row.workload;
  const contender: Contender = {
    id: "blit",
    label: `blit ${task}${checksum ? " --checksum" : ""}`,
    role: "blit",
    note: blit.how,
    keeps: keepsAll,
    environment,
    command: (source, to) => [...blit.command, ...blitWords(row.workload, source, to)],
  };
  if (!row.workload.startup) return [contender];
  const empty: Contender = {
    id: "empty",
    label: "empty program",
    role: "baseline",
    note: "starts and ends on the same runtime",
    command: () => blit.empty,
  };
  return [contender, empty];
}
