/**
 * Random operations on a tree, as data that shrinks: each names what to do and picks its target by number, so that it means something
 * in whatever tree it meets. `Sketch` turns them into lines for support/fixture.c that cannot fail.
 */

import fc from "fast-check";

export type Operation =
  | { readonly do: "file"; readonly path: string; readonly size: number; readonly seed: number; readonly time: number }
  | { readonly do: "directory"; readonly path: string }
  | { readonly do: "symlink"; readonly path: string; readonly target: string }
  | { readonly do: "special"; readonly path: string; readonly kind: string }
  | { readonly do: "link"; readonly path: string; readonly pick: number }
  | { readonly do: "rename"; readonly path: string; readonly pick: number }
  | { readonly do: "remove"; readonly pick: number }
  | { readonly do: "mode"; readonly pick: number; readonly mode: number }
  | { readonly do: "time"; readonly pick: number; readonly time: number }
  | { readonly do: "owner"; readonly pick: number; readonly id: number }
  | { readonly do: "attribute"; readonly pick: number; readonly value: number };

/** What the engine under test can keep. */
export interface Abilities {
  /** FIFOs, devices, owners, attributes, times to the nanosecond, names that are not UTF-8. */
  readonly everything: boolean;
}

// Few names, so that trees meet each other; percent-encoded. The last ones are what programs get wrong.
const plainNames = ["a", "b", "c", "A", ".hidden"];
const awkwardNames = ["%20", "new%0Aline", "%E2%82", "x".repeat(255), "-dash", "%2A"];
const sizes = [0, 1, 100, 100, 5000, 5000, 70_000];
/** Above the size from which a file is copied in ranges; its content is mostly holes. */
export const LARGE = (16 << 20) + 777;
/** Seconds; few, so that size and time often agree where content does not. */
const times = [1000, 1000, 2000, 1_700_000_000.5];
const targets = ["a", "b", "missing", "..", "../outside", "%2Fdev%2Fnull"];

export function operations(abilities: Abilities, most: number): fc.Arbitrary<Operation[]> {
  const names = abilities.everything ? [...plainNames, ...plainNames, ...awkwardNames] : plainNames;
  const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const pick = fc.nat(30);
  const time = fc.constantFrom(...times);
  const seed = fc.integer({ min: 1, max: 3 });
  const all: fc.WeightedArbitrary<Operation>[] = [
    {
      weight: 10,
      arbitrary: fc.record({ do: fc.constant("file"), path, size: fc.constantFrom(...sizes), seed, time }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("directory"), path }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("symlink"), path, target: fc.constantFrom(...targets) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("link"), path, pick }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("rename"), path, pick }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("remove"), pick }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("mode"),
        pick,
        mode: fc.constantFrom(0o644, 0o600, 0o755, 0o444, 0o4755),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("time"), pick, time }) },
  ] as fc.WeightedArbitrary<Operation>[];
  if (abilities.everything) {
    all.push(
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant("special"),
          path,
          kind: fc.constantFrom("fifo", "socket", "char"),
        }) as fc.Arbitrary<Operation>,
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("owner"), pick, id: fc.nat(3) }) as fc.Arbitrary<Operation>,
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("attribute"), pick, value: fc.nat(3) }) as fc.Arbitrary<Operation>,
      },
    );
  }
  return fc.array(fc.oneof(...all), { maxLength: most });
}

type Kind = "file" | "directory" | "symlink" | "special";

/** Knows which names stand in a tree, so that each operation can be carried out. Renames take whole subtrees along. */
export class Sketch {
  #kinds = new Map<string, Kind>();
  /** Of directories that were given one. */
  readonly #times = new Map<string, number>();
  readonly #lines: string[] = [];

  /**
   * The lines of all these operations. If there is a change, directories get their times last: those they would have are never
   * the same twice.
   */
  change(operations: readonly Operation[], first = false): string[] {
    this.#lines.length = 0;
    for (const operation of operations) this.#apply(operation);
    if (this.#lines.length === 0 && !first) return [];
    const directories = this.paths().filter((path) => this.#kinds.get(path) === "directory").reverse();
    for (const path of [...directories, "."]) this.#time(path, this.#times.get(path) ?? 1000);
    return [...this.#lines];
  }

  paths(): string[] {
    return [...this.#kinds.keys()].sort();
  }

  /** Takes over a tree that was changed by others. */
  learn(kinds: ReadonlyMap<string, Kind>): void {
    this.#kinds = new Map(kinds);
  }

  #apply(operation: Operation): void {
    switch (operation.do) {
      case "file": {
        const { path, size, seed, time } = operation;
        // A file that stands there is written in place: its further names see it.
        if (this.#kinds.get(path) !== "file" && !this.#clear(path)) return;
        if (!this.#parents(path)) return;
        this.#add(path, "file", `file ${path} ${size} ${seed}${size === LARGE ? ` 0:4096,${LARGE - 777}:777` : ""}`);
        return this.#time(path, time);
      }
      case "directory":
        if (this.#kinds.get(operation.path) === "directory") return;
        if (this.#clear(operation.path) && this.#parents(operation.path)) {
          this.#add(operation.path, "directory", `dir ${operation.path}`);
        }
        return;
      case "symlink": {
        const { path, target } = operation;
        if (!this.#clear(path) || !this.#parents(path)) return;
        this.#add(path, "symlink", `symlink ${path} ${target}`);
        return this.#time(path, 1000);
      }
      case "special": {
        const { path, kind } = operation;
        if (!this.#clear(path) || !this.#parents(path)) return;
        this.#add(path, "special", kind === "char" ? `char ${path} 1 3` : `${kind} ${path}`);
        return this.#time(path, 1000);
      }
      case "link":
        return this.#link(operation.path, this.#pick(operation.pick, "file"));
      case "rename":
        return this.#rename(this.#pick(operation.pick), operation.path);
      case "remove": {
        const path = this.#pick(operation.pick);
        if (path !== undefined) this.#clear(path);
        return;
      }
      default:
        return this.#metadata(operation);
    }
  }

  #metadata(operation: Extract<Operation, { do: "mode" | "time" | "owner" | "attribute" }>): void {
    const path = this.#pick(operation.pick);
    if (path === undefined) return;
    const kind = this.#kinds.get(path);
    if (operation.do === "time") {
      if (kind === "directory") this.#times.set(path, operation.time);
      return this.#time(path, operation.time);
    }
    if (operation.do === "owner") return void this.#lines.push(`owner ${path} ${operation.id} ${operation.id}`);
    // Symbolic links have no modes and no attributes of users.
    if (kind === "symlink" || kind === "special") return;
    if (operation.do === "mode") {
      const mode = kind === "directory" ? operation.mode | 0o700 : operation.mode;
      return void this.#lines.push(`mode ${path} ${mode.toString(8)}`);
    }
    this.#lines.push(`attribute ${path} user.a ${operation.value.toString(16).padStart(2, "0")}`);
  }

  #pick(number: number, kind?: Kind): string | undefined {
    const paths = this.paths().filter((path) => kind === undefined || this.#kinds.get(path) === kind);
    return paths[number % Math.max(paths.length, 1)];
  }

  #link(path: string, existing: string | undefined): void {
    if (existing === undefined || path === existing || `${existing}/`.startsWith(`${path}/`)) return;
    if (!this.#clear(path) || !this.#parents(path)) return;
    this.#add(path, "file", `link ${path} ${existing}`);
  }

  #rename(from: string | undefined, to: string): void {
    if (from === undefined || `${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) return;
    if (!this.#clear(to) || !this.#parents(to)) return;
    this.#lines.push(`rename ${from} ${to}`);
    for (const path of this.#below(from)) {
      this.#kinds.set(to + path.slice(from.length), this.#kinds.get(path)!);
      this.#kinds.delete(path);
    }
  }

  #add(path: string, kind: Kind, line: string): void {
    this.#lines.push(line);
    this.#kinds.set(path, kind);
  }

  #time(path: string, seconds: number): void {
    this.#lines.push(`time ${path} ${Math.floor(seconds)} ${(seconds % 1) * 1e9}`);
  }

  /** Makes the directories above; false where something else is in the way. */
  #parents(path: string): boolean {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const above = path.slice(0, at);
      const kind = this.#kinds.get(above);
      if (kind === undefined) this.#add(above, "directory", `dir ${above}`);
      else if (kind !== "directory") return false;
    }
    return true;
  }

  /** Removes what stands there; false where the path leads through something that is no directory. */
  #clear(path: string): boolean {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const kind = this.#kinds.get(path.slice(0, at));
      if (kind !== undefined && kind !== "directory") return false;
    }
    if (this.#kinds.has(path)) this.#lines.push(`remove ${path}`);
    for (const each of this.#below(path)) this.#kinds.delete(each);
    return true;
  }

  #below(path: string): string[] {
    return [...this.#kinds.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
  }
}
