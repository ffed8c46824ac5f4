/**
 * Runs blit as its users do: a process of its own, with what it printed and how it ended.
 *
 * BLIT_BIN names a compiled executable to test; otherwise main.ts runs under the Deno that runs the tests. Every run has a
 * time limit (a hang is a failure, not a wait), and no process outlives its test.
 */

import { ignoredAtStart } from "../../lib/native/signals.ts";
import { faultLibrary, foldingLibrary, launchProgram } from "./fixture.ts";
import { isRoot } from "./needs.ts";

const REPOSITORY = new URL("../../", import.meta.url).pathname;
const TIME_LIMIT_MS = 60_000;
/** Tests leave the performance history of whoever runs them alone; one that is about it sets an empty value. */
const NO_HISTORY = { BLIT_DISABLE_PERF_HISTORY: "1" };
/** The user "nobody" almost everywhere; only the number matters. */
export const UNPRIVILEGED_ID = 65534;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Given to it as its whole standard input; without it, standard input is /dev/null. */
  readonly stdin?: string;
  /** Run without root's privileges; a no-op when the tests themselves have none. */
  readonly unprivileged?: boolean;
  /** Leave the run out of the coverage, which costs it memory and time; for what is started a hundred times or measured. */
  readonly unmeasured?: boolean;
  /** Run a copy of the program that has no native library; not for compiled executables. */
  readonly withoutShim?: boolean;
  /** Words put before the program, for example ["strace", "-f"]. */
  readonly wrapper?: readonly string[];
  /** Faults to inject (fault.c): the words of BLIT_FAULT, and the directory they apply to. "folds": names are folded there (folding.c). */
  readonly fault?: { readonly kind: string; readonly below: string };
}

export interface Result {
  /** Exit code; 128 + signal when a signal ended it. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

// deno-lint-ignore no-explicit-any
export type Json = any;

export interface JsonResult extends Result {
  /** The document that --json printed; undefined when the output is not one document. */
  readonly summary: Json;
}

/** Runs to the end. */
export async function blit(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return await (await startBlit(args, options)).result;
}

/** Runs with --json to the end. */
export async function blitJson(args: readonly string[], options: RunOptions = {}): Promise<JsonResult> {
  const result = await blit([...args, "--json"], options);
  try {
    return { ...result, summary: JSON.parse(result.stdout) };
  } catch {
    return { ...result, summary: undefined };
  }
}

export interface RunningProgram {
  readonly pid: number;
  readonly result: Promise<Result>;
  /** What it printed so far on stdout. */
  output(): string;
  /** The same on stderr. */
  errorOutput(): string;
  /** Sends the signal; nothing happens when it has ended. */
  kill(signal: Deno.Signal): void;
}

export async function startBlit(args: readonly string[], options: RunOptions = {}): Promise<RunningProgram> {
  const env: Record<string, string> = { DENO_NO_UPDATE_CHECK: "1", ...NO_HISTORY, ...options.env };
  let words = [...(options.wrapper ?? []), ...programCommand()];
  if (options.withoutShim) {
    words = [...(options.wrapper ?? []), Deno.execPath(), "run", "-A", "--no-check", `${await bareProgram()}/main.ts`];
  }
  if (options.unprivileged && isRoot) words = [...(options.wrapper ?? []), ...await unprivilegedCommand(env)];
  if (options.fault !== undefined) {
    env.LD_PRELOAD = await (options.fault.kind === "folds" ? foldingLibrary() : faultLibrary());
    env.BLIT_FAULT = options.fault.kind;
    env.BLIT_FAULT_BELOW = options.fault.below;
  }
  return start([...words, ...args], { cwd: options.cwd, env, stdin: options.stdin, unmeasured: options.unmeasured });
}

export interface Terminal extends RunningProgram {
  /** Types on its keyboard. */
  send(text: string): Promise<void>;
  /** Halves the width of the terminal. */
  shrink(): void;
}

/** What `deno run` itself may write to a terminal before the program starts. */
const DENO_CLEARS_SCREEN = "\x1b[0G\x1b[2K\x1b[J";

/** Runs on a terminal of its own; stdout and stderr arrive mixed in `stdout`, as a person sees them. */
export async function blitOnTerminal(
  args: readonly string[],
  size: { columns: number; rows: number },
  env: Record<string, string> = {},
): Promise<Terminal> {
  const pty = [await launchProgram(), "pty", `${size.columns}`, `${size.rows}`];
  const terminalEnv = { TERM: "xterm-256color", DENO_NO_UPDATE_CHECK: "1", ...NO_HISTORY, ...env };
  const running = start([...pty, ...programCommand(), ...args], { env: terminalEnv, stdin: "", keepOpen: true });
  const clean = (text: string) => text.replaceAll(DENO_CLEARS_SCREEN, "");
  return {
    ...running,
    result: running.result.then((result) => ({ ...result, stdout: clean(result.stdout) })),
    output: () => clean(running.output()),
    shrink: () => running.kill("SIGUSR1"),
  };
}

/**
 * Polls until `condition` holds, for moments that only the outside can see. Throws with what the program printed when it ends
 * first, and after a time limit.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  running?: RunningProgram,
): Promise<void> {
  const end = Date.now() + TIME_LIMIT_MS / 2;
  let ended: Result | undefined;
  running?.result.then((result) => ended = result, () => {});
  while (!await condition()) {
    if (ended !== undefined) {
      const { code, stdout, stderr } = ended;
      throw new Error(`Ended with exit code ${code} before ${what}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
    }
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The program and its first words. */
export function programCommand(): string[] {
  const binary = Deno.env.get("BLIT_BIN");
  if (binary !== undefined && binary !== "") return [binary];
  return [Deno.execPath(), "run", "-A", "--no-check", `${REPOSITORY}main.ts`];
}

interface StartOptions {
  readonly cwd?: string;
  readonly env: Record<string, string>;
  readonly stdin?: string;
  /** Leave standard input open behind `stdin`. */
  readonly keepOpen?: boolean;
  readonly unmeasured?: boolean;
}

/** What runs the tests may ignore signals, as the background of a script does; what they start shall not. */
const withSignals = ignoredAtStart().size === 0 ? [] : ["env", "--default-signal=HUP,INT,TERM"];

function start(command: string[], options: StartOptions): Omit<Terminal, "shrink"> {
  const words = [...withSignals, ...command];
  const env = { ...Deno.env.toObject(), ...options.env };
  if (options.unmeasured) delete env.DENO_COVERAGE_DIR;
  const child = new Deno.Command(words[0], {
    args: words.slice(1),
    cwd: options.cwd,
    clearEnv: true,
    env,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch { /* it has ended */ }
  };
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const writer = options.stdin === undefined ? undefined : child.stdin.getWriter();
  const send = async (text: string) => await writer?.write(new TextEncoder().encode(text)).catch(() => {});
  const given = options.stdin === undefined ? Promise.resolve() : send(options.stdin);
  if (!options.keepOpen) void given.then(() => writer?.close().catch(() => {}));
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    kill("SIGKILL");
  }, TIME_LIMIT_MS);
  const finish = async (): Promise<Result> => {
    const status = await child.status;
    clearTimeout(limit);
    await Promise.all([out.done, err.done]);
    if (options.keepOpen) await writer?.close().catch(() => {});
    const result = { code: status.code, signal: status.signal, stdout: out.text(), stderr: err.text() };
    if (hung) {
      throw new Error(`Still running after ${TIME_LIMIT_MS} ms: ${words.join(" ")}\n${result.stdout}${result.stderr}`);
    }
    return result;
  };
  return { pid: child.pid, result: finish(), output: out.text, errorOutput: err.text, send, kill };
}

function collect(stream: ReadableStream<Uint8Array>): { done: Promise<void>; text: () => string } {
  let text = "";
  const read = async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
      text += part;
    }
  };
  return { done: read(), text: () => text };
}

let staged: Promise<string> | undefined;

/** Deno, the module cache and the program may lie where only root can read; other users get a copy. */
async function unprivilegedCommand(env: Record<string, string>): Promise<string[]> {
  staged ??= stage();
  const directory = await staged;
  const id = `${UNPRIVILEGED_ID}`;
  const as = ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--"];
  env.HOME = directory;
  env.DENO_DIR = `${directory}/cache`;
  if (Deno.env.get("BLIT_BIN")) return [...as, `${directory}/blit`];
  // With the lock file the runtime would talk about packages that only building takes.
  return [...as, `${directory}/deno`, "run", "-A", "--no-check", "--no-lock", `${directory}/program/main.ts`];
}

async function stage(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "blit-unprivileged-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const script = `
    cd "$0" && mkdir program cache
    if [ -n "$BLIT_BIN" ]; then cp "$BLIT_BIN" blit; else
      ln "$1" deno 2>/dev/null || cp --reflink=auto "$1" deno
      cp -R "$3/npm" cache/ 2>/dev/null
      cd "$2" && cp -R main.ts deno.json lib native "$0/program/"
    fi
    chmod -R a+rX "$0" && chown -R ${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID} "$0/cache"`;
  const args = ["-ec", script, directory, Deno.execPath(), REPOSITORY, await denoCache()];
  const output = await new Deno.Command("sh", { args, stdin: "null", stdout: "null", stderr: "piped" }).output();
  if (!output.success) throw new Error(`Cannot stage the program: ${new TextDecoder().decode(output.stderr)}`);
  return directory;
}

let bare: Promise<string> | undefined;

/** A copy of the program's source without anything built. */
function bareProgram(): Promise<string> {
  bare ??= (async () => {
    const directory = await Deno.makeTempDir({ prefix: "blit-bare-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
    const script = 'cd "$1" && cp -R main.ts deno.json lib "$0/" && { cp deno.lock "$0/" || :; } 2>/dev/null';
    const output = await new Deno.Command("sh", { args: ["-ec", script, directory, REPOSITORY] }).output();
    if (!output.success) throw new Error(`Cannot copy the program: ${new TextDecoder().decode(output.stderr)}`);
    return directory;
  })();
  return bare;
}

async function denoCache(): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stdin: "null" }).output();
  return JSON.parse(new TextDecoder().decode(output.stdout)).denoDir;
}
