/**
 * A blit to run thousands of jobs with, in this process: the program's own files beside a test build of the shim, in which faults can be
 * armed (support/shim_faults.c), or beside none. The library that users get is not touched and cannot be told to fail.
 */

import {
  baseFlags,
  compileObjects,
  findCompiler,
  librarySources,
  nativeFiles,
  runCompiler,
} from "../../native/compiler.ts";

const repository = new URL("../../", import.meta.url).pathname;
const faults = new URL("../support/shim_faults.c", import.meta.url).pathname;

/** What a run of the program printed and returned. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Blit {
  /** One command line, as main.ts would carry it out. */
  run(words: readonly string[]): Promise<Outcome>;
  /** The same in a process of its own that begins with the fault armed; for signals. Where it stops, it is woken after a while. */
  runApart(words: readonly string[], fault: Fault, below: string): Promise<Outcome>;
  /** Starts a daemon that exports `path` as module "m"; returns its port. It stays until the process ends. */
  startDaemon(path: string): Promise<number>;
}

/** Makes a folder that looks like the project, with `library` as its shim; returns the folder. */
export async function stage(directory: string, library?: string): Promise<string> {
  await Deno.mkdir(`${directory}/native/build`, { recursive: true });
  for (const name of ["main.ts", "deno.json", "deno.lock", "lib"]) {
    await Deno.symlink(`${repository}${name}`, `${directory}/${name}`);
  }
  if (library !== undefined) await Deno.symlink(library, `${directory}/native/build/libblit.so`);
  return directory;
}

/** Compiles the shim with its system calls led through support/shim_faults.c; returns the library's path. */
export async function buildFaultyLibrary(directory: string): Promise<string> {
  const compiler = findCompiler();
  if (compiler === undefined) throw new Error("No C compiler was found");
  const flags = [...baseFlags, "-O1", "-fPIC", "-fvisibility=hidden"];
  const objects = await compileObjects(compiler, librarySources(nativeFiles()), flags, directory);
  const wrapped = [...(await Deno.readTextFile(faults)).matchAll(/\b__real_(\w+)\(|^WRAP\(\w+, (\w+),/gm)]
    .map(([, real, wrap]) => `-Wl,--wrap=${real ?? wrap}`);
  const library = `${directory}/libblit-faults.so`;
  await runCompiler([...compiler, ...flags, "-shared", ...new Set(wrapped), ...objects, faults, "-o", library]);
  return library;
}

/** Loads the program of a staged folder. Two stages are two programs with nothing in common but this process. */
export async function loadBlit(folder: string): Promise<Blit> {
  const { dispatch } = await import(`${folder}/lib/command/dispatch.ts`);
  const { startJob } = await import(`${folder}/lib/command/start_job.ts`);
  const { runDaemon } = await import(`${folder}/lib/daemon/daemon.ts`);
  return {
    async run(words) {
      const printed = { stdout: "", stderr: "" };
      const output = (name: keyof typeof printed) => ({
        isTerminal: false,
        write: (text: string) => void (printed[name] += text),
      });
      const code = await dispatch(words, {
        startJob,
        stdout: output("stdout"),
        stderr: output("stderr"),
        stdinIsTerminal: false,
        readLine: () => undefined,
        readFile: (path: string) => Deno.readFileSync(path),
        readStandardInput: () => new Uint8Array(),
        environment: () => undefined,
        columns: () => undefined,
        onInterrupt: () => () => {},
        exitNow: () => {},
        nowMs: () => performance.now(),
      });
      return { code, ...printed };
    },
    async runApart(words, { class: name, nth, error, times }, below) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", `${folder}/main.ts`, ...words],
        env: { BLIT_FAULT: `${name} ${below} ${nth} ${error} ${times}` },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = child.output();
      const waking = setInterval(() => wake(child), 200);
      const { code, stdout, stderr } = await output.finally(() => clearInterval(waking));
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    },
    startDaemon(path) {
      const config = `allow_daemons = ["127.0.0.1"]\n[[modules]]\nname = "m"\npath = "${path}"\nprivileged = true\n`;
      return new Promise((ready, failed) => {
        runDaemon({ config: "memory", bind: "127.0.0.1", port: 0, noMdns: true }, {
          log: { write: () => {} },
          readFile: () => config,
          ready: (_address: string, port: number) => ready(port),
        }).catch(failed);
      });
    },
  };
}

/** Lets a process that has stopped go on. */
function wake(child: Deno.ChildProcess): void {
  try {
    if (/^State:\s+T/m.test(Deno.readTextFileSync(`/proc/${child.pid}/status`))) child.kill("SIGCONT");
  } catch { /* it has ended */ }
}

/** The switch of the armed library; see support/shim_faults.c. */
export interface Faults {
  arm(fault: Fault, below: string): void;
  /** Returns how many calls the fault has met. */
  disarm(): number;
}

export interface Fault {
  readonly class: string;
  /** The first call that fails, counted from 1. */
  readonly nth: number;
  /** An errno, or a signal's number below zero. */
  readonly error: number;
  /** How many calls fail. */
  readonly times: number;
}

export function openFaults(library: string): Faults {
  const { symbols } = Deno.dlopen(library, {
    blit_fault_arm: { parameters: ["buffer", "buffer", "i64", "i32", "i64"], result: "i64" },
  });
  const text = (value: string) => new TextEncoder().encode(`${value}\0`);
  const arm = ({ class: name, nth, error, times }: Fault, below: string) =>
    Number(symbols.blit_fault_arm(text(name), text(below), BigInt(nth), error, BigInt(times)));
  return { arm, disarm: () => arm({ class: "", nth: 0, error: 0, times: 0 }, "") };
}
