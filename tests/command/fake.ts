/** A world for commands to run in: no process, no terminal, and a job that does what the test says. */

import type { CommandContext } from "../../lib/command/context.ts";
import { dispatch } from "../../lib/command/dispatch.ts";
import type { EventSink, Summary } from "../../lib/model/event.ts";
import type { Job } from "../../lib/model/job.ts";
import { progress, Recorder, summary } from "../report/sample.ts";

/** Plays a job: sends events and returns the summary. `stopped` resolves when the job is asked to stop. */
export type Play = (job: Job, sink: EventSink, stopped: Promise<void>) => Summary | Promise<Summary>;

export interface World {
  readonly play?: Play;
  readonly terminal?: { readonly in?: boolean; readonly out?: boolean; readonly error?: boolean };
  /** Lines of standard input, for questions. */
  readonly answers?: string[];
  readonly standardInput?: string;
  readonly environment?: Record<string, string>;
}

export class FakeContext implements CommandContext {
  readonly stdout: Recorder;
  readonly stderr: Recorder;
  readonly stdinIsTerminal: boolean;
  /** Every job that was started. */
  readonly jobs: Job[] = [];
  readonly exits: number[] = [];
  readonly #handlers = new Set<() => void>();
  readonly #world: World;
  readonly #answers: string[];

  constructor(world: World = {}) {
    this.#world = world;
    this.stdout = new Recorder(world.terminal?.out ?? false);
    this.stderr = new Recorder(world.terminal?.error ?? false);
    this.stdinIsTerminal = world.terminal?.in ?? false;
    this.#answers = [...world.answers ?? []];
  }

  startJob(job: Job, sink: EventSink) {
    this.jobs.push(job);
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const play = this.#world.play ?? (({ verb, dryRun }) => summary({ verb, dryRun }));
    const done = (async () => await play(job, sink, stopped))();
    return Promise.resolve({ progress: () => progress(), done, stop: resolve });
  }

  readLine = () => this.#answers.shift();
  readFile(): Uint8Array {
    throw new Deno.errors.NotFound("not there");
  }
  readStandardInput = () => new TextEncoder().encode(this.#world.standardInput ?? "");
  environment = (name: string) => this.#world.environment?.[name];
  columns = () => this.stderr.isTerminal ? 80 : undefined;
  exitNow = (code: number) => void this.exits.push(code);
  nowMs = () => performance.now();

  onInterrupt(handler: () => void) {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  get listensForInterrupts(): boolean {
    return this.#handlers.size > 0;
  }

  interrupt(): void {
    for (const handler of this.#handlers) handler();
  }
}

/** Runs a command line, words separated by spaces. */
export async function runLine(line: string, world: World = {}) {
  const context = new FakeContext(world);
  const code = await dispatch(line.split(" ").filter((word) => word !== ""), context);
  return { code, context, jobs: context.jobs, stdout: context.stdout.text, stderr: context.stderr.text };
}
