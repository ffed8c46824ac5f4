/**
 * An engine over two trees in memory, for tests of what a run decides: it answers in any order that it is told to, and fails where it
 * is told to. Files are small, have one name each, and differ only in their content.
 */

import { Diff, Kind } from "../../lib/model/entry.ts";
import {
  Action,
  type Answer,
  type ApplyAnswer,
  type ApplyRequest,
  type Counters,
  type Detail,
  type Engine,
  type EngineError,
  type EntryBatch,
  type ListAnswer,
  type ListRequest,
  type SettleRequest,
} from "../../lib/native/engine.ts";

/** A file's content, or a directory. */
export type Tree = string | { [name: string]: Tree };

interface Row {
  readonly name: string;
  readonly kind: number;
  readonly dstKind: number;
  readonly diff: number;
}

export interface Faults {
  /** Paths of the source that cannot be listed or opened, and of the destination that cannot be listed. */
  readonly source: ReadonlySet<string>;
  readonly destination: ReadonlySet<string>;
}

const failed = (unread: boolean): EngineError => ({ code: "EIO", message: "Cannot read: input/output error", unread });

export class FakeEngine implements Engine {
  /** What was removed from the destination, in order. */
  readonly removed: string[] = [];
  readonly #paths = new Map([[0, ""]]);
  readonly #answers: (() => void)[] = [];

  /** @param choose One of so many answers that are ready: which comes next. */
  constructor(
    private readonly source: Tree,
    private readonly destination: Tree,
    private readonly faults: Faults,
    private readonly choose: (count: number) => number,
  ) {}

  list(request: ListRequest, done: (answer: ListAnswer) => void): void {
    const { dir, parent } = request;
    if (parent) this.#paths.set(dir, this.pathOf(parent.dir) + parent.batch.name(parent.index) + "/");
    const path = this.pathOf(dir);
    this.#answer(() => {
      const side = request.onSource && this.faults.source.has(path.slice(0, -1))
        ? "source"
        : request.onDestination && this.faults.destination.has(path.slice(0, -1))
        ? "destination"
        : undefined;
      if (side) return done({ lost: 0, more: false, error: failed(side === "source"), failedSide: side });
      if (request.make) this.#put(path.slice(0, -1), {});
      done({ lost: 0, more: false, batch: this.#compare(request, path) });
    });
  }

  #compare(request: ListRequest, path: string): EntryBatch {
    const [here, there] = [request.onSource ? at(this.source, path) : {}, this.#there(request, path)];
    const rows = Object.keys(here).map((name): Row => {
      const [kind, dstKind] = [kindOf(here[name]), kindOf(there[name])];
      const differs = kind !== dstKind ? Diff.Kind : kind === Kind.File && here[name] !== there[name] ? Diff.Size : 0;
      return { name, kind, dstKind, diff: dstKind === Kind.None ? 0 : differs };
    });
    const others = rows.filter(({ kind }) => kind !== Kind.Directory);
    const shown = others.filter(({ dstKind, diff }) => request.all || dstKind === Kind.None || diff !== 0);
    const extras = Object.keys(there).filter((name) => !(name in here)).map((name): Row => {
      return { name, kind: kindOf(there[name]), dstKind: kindOf(there[name]), diff: 0 };
    });
    const dirs = rows.filter(({ kind }) => kind === Kind.Directory);
    return batchOf(shown, dirs, extras, others.length - shown.length);
  }

  #there(request: ListRequest, path: string): { [name: string]: Tree } {
    return request.onDestination ? at(this.destination, path) : {};
  }

  apply({ dir, batch, entries }: ApplyRequest, done: (answer: ApplyAnswer) => void): void {
    const list = "first" in entries
      ? Array.from({ length: entries.count }, (_, i) => ({ index: entries.first + i, action: Action.Make }))
      : entries;
    this.#answer(() => {
      const details: Detail[] = [];
      for (const { index, action } of list) {
        const path = this.pathOf(dir) + batch.name(index);
        if (this.faults.source.has(path)) details.push({ index, is: "failed", error: failed(true) });
        else if (action === Action.Make || action === Action.Replace) this.#put(path, at(this.source, path));
      }
      done({ lost: 0, done: list.length - details.length, bytes: 0, details });
    });
  }

  remove(dir: number, batch: EntryBatch, indices: readonly number[], done: (answer: ApplyAnswer) => void): void {
    this.#answer(() => {
      for (const index of indices) this.#delete(this.pathOf(dir) + batch.name(index));
      done({ lost: 0, done: indices.length, bytes: 0, details: [] });
    });
  }

  settle({ dir, what }: SettleRequest, done: (answer: Answer) => void): void {
    this.#answer(() => {
      const path = this.pathOf(dir).slice(0, -1);
      const full = what === "remove" && Object.keys(at(this.destination, path)).length > 0;
      if (what === "remove" && !full) this.#delete(path);
      done({ lost: 0, error: full ? { code: "ENOTEMPTY", message: "Cannot delete: directory not empty" } : undefined });
    });
  }

  #put(path: string, what: Tree): void {
    const { holder, name } = this.#holder(path);
    holder[name] = what;
  }

  #delete(path: string): void {
    const { holder, name } = this.#holder(path);
    if (!(name in holder)) throw new Error(`${path} is removed twice`);
    delete holder[name];
    this.removed.push(path);
  }

  #holder(path: string): { holder: { [name: string]: Tree }; name: string } {
    const cut = path.lastIndexOf("/");
    return { holder: at(this.destination, path.slice(0, Math.max(cut, 0))), name: path.slice(cut + 1) };
  }

  openLarge = never;
  copyRange = never;
  finishLarge = never;
  link = never;

  pathOf(dir: number): string {
    return this.#paths.get(dir)!;
  }

  progress(): Counters {
    return {
      bytesByMethod: {},
      files: 0,
      bytesMoved: 0,
      idleMs: 0,
      sourceMs: 0,
      destinationMs: 0,
      ticks: 0,
      sizes: [],
    } as unknown as Counters;
  }

  activate(): void {}
  stop(): void {}

  #answer(answer: () => void): void {
    this.#answers.push(answer);
  }

  async drain(round: () => number = () => 0): Promise<void> {
    do {
      while (this.#answers.length > 0) this.#answers.splice(this.choose(this.#answers.length), 1)[0]();
      await Promise.resolve();
      round();
    } while (this.#answers.length > 0);
  }

  close(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

function never(): never {
  throw new Error("not for small files with one name");
}

// deno-lint-ignore no-explicit-any
function at(tree: Tree, path: string): any {
  return path.split("/").filter((name) => name !== "").reduce(
    (found, name) => (found as { [name: string]: Tree })[name],
    tree,
  );
}

function kindOf(entry: Tree | undefined): number {
  return entry === undefined ? Kind.None : typeof entry === "string" ? Kind.File : Kind.Directory;
}

function batchOf(others: Row[], dirs: Row[], extras: Row[], unchanged: number): EntryBatch {
  const rows = [...others, ...dirs, ...extras];
  let references = 1;
  const row = (index: number) => {
    if (references <= 0) throw new Error("a batch is read after its end");
    return rows[index];
  };
  return {
    count: rows.length,
    others: others.length,
    dirs: dirs.length,
    extras: extras.length,
    unchanged,
    unchangedBytes: 0,
    dirDiff: 0,
    stale: 0,
    kind: (index) => row(index).kind,
    dstKind: (index) => row(index).dstKind,
    diff: (index) => row(index).diff,
    known: () => false,
    size: () => 0,
    allocated: () => 0,
    mtimeMs: () => 0,
    nlink: () => 1,
    inode: () => "0:0",
    destinationInode: () => undefined,
    error: () => failed(true),
    name: (index) => row(index).name,
    retain: () => void references++,
    release: () => void references--,
  };
}
