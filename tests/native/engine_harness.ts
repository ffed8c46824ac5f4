/**
 * Two trees and an engine between them, for the contract tests: requests as promises, entries by name.
 *
 * Uses nothing but Deno's own calls, so that it runs where there is no compiler.
 */

import { assert, assertEquals, AssertionError } from "@std/assert";
import {
  Action,
  type ApplyAnswer,
  type Engine,
  type EngineConfig,
  type EngineError,
  type EntryBatch,
  type ListAnswer,
  type ListRequest,
  type SettleRequest,
} from "../../lib/native/engine.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";

export type OpenEngine = (config: EngineConfig) => Engine;

/** What an engine can keep beyond what every one must. */
export interface Capabilities {
  /** Times to the nanosecond, not just to the millisecond. */
  readonly nanoseconds: boolean;
  /** Fifos, sockets and devices. */
  readonly specialFiles: boolean;
  /** Names that are not UTF-8. */
  readonly anyName: boolean;
  /** No symlink that is swapped in leads out of the tree, and no path is too long. */
  readonly anchored: boolean;
}

/** `backup`: with a backup tree in `backup/`, or elsewhere. `destination`: instead of `dst`. */
export type SceneOptions = Partial<Omit<EngineConfig, "source" | "backup">> & { readonly backup?: boolean | string };

/** Directories `src`, `dst`, `backup` and `outside`, and an engine from `src` to `dst`. */
export const plainConfig = {
  workers: 2,
  bytesPerSecond: 0,
  largeBytes: 1 << 20,
  bufferBytes: 256 << 10,
  verify: false,
  fsync: false,
  discard: false,
  move: false,
  readOnly: false,
};

export class Scene implements AsyncDisposable {
  #closed = false;
  #nextDir = 1;

  private constructor(readonly dir: TestDirectory, readonly engine: Engine) {}

  static async open(open: OpenEngine, options: SceneOptions = {}): Promise<Scene> {
    const dir = await testDirectory();
    await dir.write({ src: null, dst: null, backup: null, outside: null });
    const { backup, ...config } = options;
    const engine = open({
      ...plainConfig,
      source: dir.at("src"),
      destination: dir.at("dst"),
      backup: backup === true ? dir.at("backup") : backup || undefined,
      ...config,
    });
    return new Scene(dir, engine);
  }

  async close(patienceMs?: number): Promise<boolean> {
    if (this.#closed) return true;
    this.#closed = true;
    return await this.engine.close(patienceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.dir[Symbol.asyncDispose]();
  }

  /** Makes a request and waits for its one answer. */
  async ask<T>(submit: (engine: Engine, done: (answer: T) => void) => void): Promise<T> {
    const answers: T[] = [];
    submit(this.engine, (answer) => answers.push(answer));
    assertEquals(answers.length, 0, "no answer comes from inside the request");
    await this.engine.drain();
    assertEquals(answers.length, 1);
    return answers[0];
  }

  /** Of the root on both sides, unless said otherwise. */
  list(request: Partial<ListRequest> = {}): Promise<ListAnswer> {
    const whole: ListRequest = {
      dir: 0,
      onSource: true,
      onDestination: true,
      make: false,
      stat: false,
      all: false,
      more: false,
      ...request,
    };
    return this.ask((engine, done) => engine.list(whole, done));
  }

  /** The batch of a listing that must succeed in one answer. */
  async batch(request: Partial<ListRequest> = {}): Promise<EntryBatch> {
    const answer = await this.list(request);
    assertEquals(answer.error, undefined);
    assertEquals(answer.more, false);
    return required(answer.batch);
  }

  /** Lists a directory that is an entry of the root's batch; answers its number. */
  async descend(batch: EntryBatch, name: string, request: Partial<ListRequest> = {}): Promise<number> {
    const { dir, answer } = await this.tryDescend(batch, name, request);
    assertEquals(answer.error, undefined);
    answer.batch?.release();
    return dir;
  }

  async tryDescend(
    batch: EntryBatch,
    name: string,
    request: Partial<ListRequest> = {},
  ): Promise<{ dir: number; answer: ListAnswer }> {
    const dir = this.#nextDir++;
    const parent = { dir: 0, batch, index: indexOf(batch, name) };
    return { dir, answer: await this.list({ dir, parent, ...request }) };
  }

  apply(
    batch: EntryBatch,
    actions: Record<string, Action>,
    options: { dir?: number; takeLinked?: boolean } = {},
  ): Promise<ApplyAnswer> {
    const entries = Object.entries(actions).map(([name, action]) => ({ index: indexOf(batch, name), action }));
    const { dir = 0, takeLinked = false } = options;
    return this.ask((engine, done) => engine.apply({ dir, batch, entries, takeLinked }, done));
  }

  /** Makes every non-directory of the source in the root, which must succeed. */
  async makeAll(): Promise<void> {
    const batch = await this.batch();
    const answer = await this.ask<ApplyAnswer>((engine, done) =>
      engine.apply({ dir: 0, batch, entries: { first: 0, count: batch.others }, takeLinked: true }, done)
    );
    assertEquals([answer.details, answer.done], [[], batch.others]);
    batch.release();
  }

  remove(batch: EntryBatch, names: readonly string[]): Promise<ApplyAnswer> {
    const indices = names.map((name) => indexOf(batch, name));
    return this.ask((engine, done) => engine.remove(0, batch, indices, done));
  }

  settle(dir: number, request: Partial<SettleRequest>): Promise<{ error?: EngineError; lost: number }> {
    const whole: SettleRequest = { dir, what: "nothing", removeSource: false, drop: false, ...request };
    return this.ask((engine, done) => engine.settle(whole, done));
  }

  /** Names in a directory, sorted. */
  async names(path: string): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.dir.at(path))) names.push(entry.name);
    return names.sort();
  }

  stat(path: string): Promise<Deno.FileInfo> {
    return Deno.lstat(this.dir.at(path));
  }

  /** Gives both sides the same modification time, so that only what a test is about differs. */
  async sameTime(...names: string[]): Promise<void> {
    for (const name of names) for (const side of ["src", "dst"]) await this.dir.setTime(`${side}/${name}`, 1_000_000);
  }
}

export function indexOf(batch: EntryBatch, name: string): number {
  const index = namesOf(batch).indexOf(name);
  assert(index >= 0, `${name} is in the batch`);
  return index;
}

export function namesOf(batch: EntryBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => batch.name(i));
}

/** Code of the one failure among the details. */
export function failureOf(answer: ApplyAnswer): string {
  const [detail] = answer.details;
  assertEquals(answer.details.length, 1);
  return checkedCode(detail.is === "failed" ? detail.error : undefined);
}

/** The code of an error whose message has the shape that users see. */
export function checkedCode(error: EngineError | undefined): string {
  const { code, message } = required(error);
  assert(/^Cannot [a-z ]+: [^\n]*[^.]$/.test(message), message);
  return code;
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new AssertionError("something is missing");
  return value;
}

/** Bytes that repeat nowhere near. */
export function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let x = seed;
  for (let i = 0; i < words.length; i++) words[i] = x = Math.imul(x, 1_664_525) + 1_013_904_223;
  return new Uint8Array(words.buffer, 0, length);
}

/** Runs a command of the system. */
export async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

export { Action };
