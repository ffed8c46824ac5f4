/**
 * The real CommandContext: streams, signals and files of this process.
 *
 * Output is written at once and whole. A reader that is gone (EPIPE) is no reason to stop a copy: what would have
 * been written is dropped. Any other failure to write is remembered for `outputError`.
 */

import { BlitError, ExitCode } from "../base/errors.ts";
import { ignoredAtStart, type StopSignal } from "../native/signals.ts";
import type { TextOutput } from "../report/screen.ts";
import type { CommandContext } from "./context.ts";

type Stream = typeof Deno.stdout | typeof Deno.stderr;

class ProcessOutput implements TextOutput {
  readonly #stream: Stream;
  readonly #encoder = new TextEncoder();
  /** Why nothing can be written any more. */
  failure: unknown;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get isTerminal(): boolean {
    return this.#stream.isTerminal();
  }

  write(text: string): void {
    if (this.failure !== undefined) return;
    let rest = this.#encoder.encode(text);
    try {
      while (rest.length > 0) rest = rest.subarray(this.#writeSome(rest));
    } catch (error) {
      this.failure = error;
    }
  }

  #writeSome(bytes: Uint8Array): number {
    try {
      return this.#stream.writeSync(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      // A parent process may have made the pipe non-blocking for all of us; the reader needs a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      return 0;
    }
  }
}

const stdout = new ProcessOutput(Deno.stdout);
const stderr = new ProcessOutput(Deno.stderr);

/** The error of a standard output that could not take everything; undefined for a reader that went away. */
export function outputError(): BlitError | undefined {
  const { failure } = stdout;
  if (failure === undefined || failure instanceof Deno.errors.BrokenPipe) return undefined;
  return BlitError.from(failure, "write to standard output");
}

export function processContext(exit: (code: ExitCode) => void): CommandContext {
  return {
    startJob: async (job, sink) => (await import("./transfers.ts")).startJob(job, sink),
    stdout,
    stderr,
    get stdinIsTerminal() {
      return Deno.stdin.isTerminal();
    },
    readLine,
    readFile: (path) => Deno.readFileSync(path),
    readStandardInput,
    environment: (name) => Deno.env.get(name),
    columns,
    onInterrupt,
    exitNow(code) {
      dieAsAsked(code);
      exit(code);
    },
    nowMs: () => performance.now(),
  };
}

function readStandardInput(): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(64 * 1024);
    const read = Deno.stdin.readSync(chunk);
    if (read === null) break;
    chunks.push(chunk.subarray(0, read));
    length += read;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function readLine(): string | undefined {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (Deno.stdin.readSync(one) === 1) {
    if (one[0] === 0x0a) return new TextDecoder().decode(new Uint8Array(bytes));
    bytes.push(one[0]);
  }
  return bytes.length === 0 ? undefined : new TextDecoder().decode(new Uint8Array(bytes));
}

function columns(): number | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  try {
    // A terminal that does not know its size says 0.
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** Windows knows no SIGTERM to listen to. */
const stopSignals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];
const listeners = new Map<Deno.Signal, () => void>();
let stoppedBy: Deno.Signal | undefined;

function onInterrupt(handler: () => void): () => void {
  const ignored = ignoredAtStart();
  for (const signal of stopSignals) {
    // The runtime has taken an ignored signal over, too: its listener does nothing, and stays.
    const isIgnored = ignored.has(signal as StopSignal);
    const listener = isIgnored ? () => {} : () => {
      stoppedBy ??= signal;
      handler();
    };
    Deno.addSignalListener(signal, listener);
    if (!isIgnored) listeners.set(signal, listener);
  }
  return unlisten;
}

function unlisten(): void {
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  listeners.clear();
}

/**
 * To be called before the process ends with that code. One that was stopped by SIGINT dies by it, as it would have without listening:
 * a shell ends its loop only then. Returns where there is nothing to die of.
 */
export function dieAsAsked(code: ExitCode): void {
  if (code !== ExitCode.Interrupted || stoppedBy !== "SIGINT" || Deno.build.os === "windows") return;
  unlisten();
  Deno.kill(Deno.pid, "SIGINT");
  // The signal comes in on another thread.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}
