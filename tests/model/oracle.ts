/**
 * The model: what a run does, said as plainly as can be. A tree is a map from paths to what stands there; the answer is another map.
 * Knows blit's filter (which is held against rsync elsewhere) and nothing else of it.
 */

import { compileFilter, type Filter } from "../../lib/scan/filter.ts";
import { pathFromBytes, pathToBytes } from "../../lib/base/path_bytes.ts";
import { percentEncode } from "../support/fixture.ts";
import type { SnapshotEntry } from "../support/snapshot.ts";
import type { JobSpec } from "./scenario.ts";

/** Percent-encoded paths; "." is the root. */
export type Tree = ReadonlyMap<string, SnapshotEntry>;

/** What shall stand at a path: the content of any of some entries, the metadata of one. */
export interface Wanted {
  readonly content: readonly SnapshotEntry[];
  readonly metadata: SnapshotEntry;
}

export interface Expected {
  readonly destination: Map<string, Wanted>;
  /** Entries that cannot be done, by the path that names them. */
  readonly failures: Set<string>;
  /** What is taken out of the destination. */
  readonly deleted: Set<string>;
  /** Content that goes from the destination because other content takes its place. */
  readonly replaced: Set<string>;
  /** Source paths that a move removes. */
  readonly moved: Set<string>;
  /** Where each source path goes. */
  readonly places: Map<string, string>;
  /** For `check`: the trees differ. */
  readonly differs: boolean;
  /** Something of the source is missing. */
  readonly incomplete: boolean;
  /** The command is wrong usage, and touches nothing. */
  readonly refused: boolean;
}

/** `loops`: symbolic links of which the run said that they would lead to themselves; only those that may count. */
export function expect(
  job: JobSpec,
  source: Tree,
  destination: Tree,
  single: string | undefined,
  loops: ReadonlySet<string> = new Set(),
): Expected {
  const expected = new Model(job, source, destination, single, true, loops).run();
  const tooMany = expected.deleted.size > (job.maxDelete ?? Infinity);
  if (job.verb !== "mirror" || (!tooMany && !expected.incomplete)) return expected;
  const without = new Model(job, source, destination, single, false, loops).run();
  if (tooMany && !expected.incomplete) without.failures.add(".");
  return without;
}

class Model implements Expected {
  readonly destination = new Map<string, Wanted>();
  readonly failures = new Set<string>();
  readonly deleted = new Set<string>();
  readonly replaced = new Set<string>();
  readonly moved = new Set<string>();
  readonly places = new Map<string, string>();
  differs = false;
  /** Something of the source is missing: nothing may be deleted. */
  incomplete = false;
  refused = false;
  readonly #filter: Filter;
  readonly #prefix: string;

  constructor(
    private readonly job: JobSpec,
    private readonly source: Tree,
    private readonly before: Tree,
    private readonly single: string | undefined,
    private readonly deletes: boolean,
    private readonly loops: ReadonlySet<string>,
  ) {
    const { rules, list, maxSize } = job;
    this.#filter = compileFilter({ rules, filesFrom: list, maxSize }, 0);
    this.#prefix = job.form === "nested" && list === undefined ? "s/" : "";
    for (const [path, entry] of before) this.destination.set(path, { content: [entry], metadata: entry });
  }

  run(): Expected {
    if (this.single !== undefined) {
      const entry = this.source.get(this.single)!;
      // Whoever names a FIFO, a socket or a device means what goes through it.
      this.refused = ["p", "s", "c", "b"].includes(this.before.get(this.single)?.type ?? "");
      if (this.refused) return this;
      if (this.#includes(this.single, entry)) this.#entry(this.single, entry);
      return this;
    }
    if (this.#prefix !== "" && !this.#filter.includesDirectory("s")) return this;
    const root = this.source.get(".")!;
    this.#set(".", root);
    this.#directory(".");
    for (const path of this.#filter.listed ?? []) {
      if (path === "." || this.#isMet(path)) continue;
      this.failures.add(encoded(path));
      this.incomplete = true;
    }
    this.#shareContent();
    if (this.job.verb === "mirror" && this.deletes) this.#extras();
    else if (this.job.verb === "check") this.#checkExtras();
    if (this.job.verb === "move" && this.job.form === "nested" && this.#emptied(".")) this.moved.add(".");
    return this;
  }

  /** The listed path is in the source, and so are, as far as the rules let them through, the directories above it. */
  #isMet(path: string): boolean {
    return this.source.has(encoded(path)) && this.#takesPart(parentOf(encoded(path)));
  }

  #directory(directory: string): void {
    for (const [path, entry] of childrenOf(this.source, directory)) {
      if (!this.#includes(path, entry)) continue;
      if (entry.type === "d") this.#subdirectory(path, entry);
      else this.#entry(path, entry);
    }
  }

  #subdirectory(path: string, entry: SnapshotEntry): void {
    this.places.set(path, path);
    const there = this.before.get(path);
    if (there !== undefined && there.type !== "d") {
      if (this.job.verb === "check") this.differs = true;
      else if (this.job.verb !== "mirror" || this.job.ignoreExisting || !this.deletes) {
        return void this.failures.add(path);
      }
      this.deleted.add(path);
    }
    if (there === undefined || metadataDiffers(there, entry)) this.differs = true;
    this.#set(path, entry);
    this.#directory(path);
    if (this.job.verb === "move" && this.#emptied(path)) this.moved.add(path);
  }

  #entry(path: string, entry: SnapshotEntry): void {
    this.places.set(path, path);
    const there = this.before.get(path);
    if (there !== undefined && this.job.ignoreExisting) return;
    if (this.loops.has(path) && this.#leadsToItself(path, entry)) return void this.failures.add(path);
    if (there?.type === "d") return this.#inTheWay(path, entry);
    if (there !== undefined && sameContent(entry, there, this.job)) {
      // A file with further names in the destination may be copied: its metadata must not change under those names.
      const content = there.links > 1 ? [there, entry] : [there];
      this.destination.set(path, { content, metadata: entry });
      if (metadataDiffers(there, entry)) this.differs = true;
    } else {
      this.#set(path, entry);
      this.differs = true;
      if (there !== undefined) this.replaced.add(path);
    }
    if (this.job.verb === "move") this.moved.add(path);
  }

  /** A link that would take the place of what it leads to, through links that stand there now or will. */
  #leadsToItself(path: string, entry: SnapshotEntry): boolean {
    const there = this.before.get(path);
    if (entry.type !== "l" || there === undefined || there.type === "l") return false;
    return [this.before, new Map([...this.before, ...this.source])].some((tree) => {
      const at = resolve(tree, parentOf(path), entry.target);
      return at !== undefined && (at === path || this.before.get(at)?.inode === there.inode);
    });
  }

  /** A directory stands where another kind of entry is to be. */
  #inTheWay(path: string, entry: SnapshotEntry): void {
    this.differs = true;
    if (this.job.verb === "check") return;
    const below = [...this.before.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
    const free = this.job.verb === "mirror" && this.deletes &&
      below.every((each) => each === path || this.#mayDelete(each, this.before.get(each)!));
    if (free) {
      for (const each of below) this.#delete(each);
      this.#set(path, entry);
      return;
    }
    this.failures.add(path);
    if (this.job.verb !== "mirror" || !this.deletes) return;
    // What is not protected goes from it all the same.
    for (const each of below) if (each !== path && this.#isFree(parentOf(each), path)) this.#deleteFree(each);
  }

  /** Names of one source file become names of one file: where the run took one of them for equal without reading it, all get that content. */
  #shareContent(): void {
    const unread = new Map<string, SnapshotEntry>();
    for (const path of this.places.keys()) {
      const [entry, there] = [this.source.get(path)!, this.before.get(path)];
      const kept = there !== undefined && this.destination.get(path)?.content.includes(there);
      if (entry.type === "f" && kept) unread.set(entry.inode, there);
    }
    for (const path of this.places.keys()) {
      const content = unread.get(this.source.get(path)!.inode);
      const wanted = this.destination.get(path);
      if (content === undefined || wanted === undefined) continue;
      this.destination.set(path, { ...wanted, content: [...wanted.content, content, this.source.get(path)!] });
    }
  }

  #extras(): void {
    for (const [path, entry] of this.before) {
      if (path !== "." && this.#isExtra(path, entry)) this.#deleteFree(path);
    }
  }

  #checkExtras(): void {
    // As for a mirror, a directory that holds what the rules hide is no difference.
    for (const [path, entry] of this.before) {
      if (path !== "." && this.#isExtra(path, entry) && this.#isAllFree(path)) this.differs = true;
    }
  }

  /** Deletes the entry if neither it nor anything below it is protected. */
  #deleteFree(path: string): void {
    if (this.#isAllFree(path)) this.#delete(path);
  }

  #isAllFree(path: string): boolean {
    const below = [...this.before].filter(([each]) => each === path || each.startsWith(`${path}/`));
    return below.every(([each, entry]) => this.#mayDelete(each, entry));
  }

  /** Nothing from the entry up to `top`, which does not count, is protected. */
  #isFree(path: string, top: string): boolean {
    return path === top || (this.#mayDelete(path, this.before.get(path)!) && this.#isFree(parentOf(path), top));
  }

  #delete(path: string): void {
    this.deleted.add(path);
    this.destination.delete(path);
  }

  /** The source has no such name, in a directory that both have, or the rules hide the name and shall not. */
  #isExtra(path: string, entry: SnapshotEntry): boolean {
    const above = parentOf(path);
    if (above !== "." && this.#isExtra(above, this.before.get(above)!)) return this.#mayDelete(path, entry);
    if (above !== "." && (!this.#takesPart(above) || this.source.get(above)?.type !== "d")) return false;
    if (!this.source.has(path)) return this.#mayDelete(path, entry);
    const hidden = this.source.get(path)!;
    if (this.#includesName(path, hidden)) return false;
    const otherKind = (entry.type === "d") !== (hidden.type === "d");
    return this.#deletesHidden || (otherKind && this.#mayDelete(path, entry));
  }

  get #deletesHidden(): boolean {
    return this.job.verb === "mirror" && this.job.deleteHidden && this.job.list === undefined;
  }

  #mayDelete(path: string, entry: SnapshotEntry): boolean {
    return this.#deletesHidden || this.#filter.mayDelete(this.#prefix + decoded(path), entry.type === "d");
  }

  /** The source's directory and all above it take part. */
  #takesPart(path: string): boolean {
    const entry = this.source.get(path);
    if (path === ".") return true;
    return entry?.type === "d" && this.#includes(path, entry) && this.#takesPart(parentOf(path));
  }

  #includes(path: string, entry: SnapshotEntry): boolean {
    const name = this.#prefix + decoded(path);
    if (entry.type === "d") return this.#filter.includesDirectory(name);
    const mtimeMs = Number(entry.mtimeNs / 1_000_000n);
    return this.#filter.includesFile(name, entry.type === "f" ? { size: entry.size, mtimeMs } : undefined);
  }

  #includesName(path: string, entry: SnapshotEntry): boolean {
    return this.#filter.includesName(this.#prefix + decoded(path), entry.type === "d");
  }

  #set(path: string, entry: SnapshotEntry): void {
    const there = this.before.get(path);
    if (there === undefined || metadataDiffers(there, entry)) this.differs = true;
    this.destination.set(path, { content: [entry], metadata: entry });
  }

  /** Nothing stays in the source's directory. */
  #emptied(path: string): boolean {
    return childrenOf(this.source, path).every(([each]) => this.moved.has(each));
  }
}

/** Where a symbolic link's target leads in a tree, as far as it stays in it. */
function resolve(tree: Tree, from: string, target: string, links = 0): string | undefined {
  if (target.startsWith("%2F") || target.startsWith("/") || links > 20) return undefined;
  let at = from;
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  for (const [i, part] of parts.entries()) {
    if (part === ".." && at === ".") return undefined;
    const next = part === ".." ? parentOf(at) : at === "." ? part : `${at}/${part}`;
    const entry = tree.get(next);
    if (entry === undefined) return undefined;
    if (entry.type === "l") return resolve(tree, at, [entry.target, ...parts.slice(i + 1)].join("/"), links + 1);
    at = next;
  }
  return at;
}

export function childrenOf(tree: Tree, directory: string): [string, SnapshotEntry][] {
  return [...tree].filter(([path]) => path !== "." && parentOf(path) === directory);
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}

/** Whether the run takes the destination's entry for what the source has. */
function sameContent(a: SnapshotEntry, b: SnapshotEntry, job: JobSpec): boolean {
  if (a.type !== b.type) return false;
  if (a.type === "l") return a.target === b.target;
  if (a.type !== "f") return a.device === b.device;
  if (a.size !== b.size || job.compare === "ignore-times") return false;
  // A move is about to remove the source: size and time are not enough.
  if (job.compare === "checksum" || job.verb === "move" && a.hash !== b.hash) return a.hash === b.hash;
  return job.compare === "size-only" || a.mtimeNs === b.mtimeNs;
}

export function metadataDiffers(a: SnapshotEntry, b: SnapshotEntry): boolean {
  return a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.mtimeNs !== b.mtimeNs ||
    a.attributes !== b.attributes;
}

/** Holds the same bytes, whatever its metadata. */
export function holds(entry: SnapshotEntry | undefined, content: SnapshotEntry): boolean {
  if (entry?.type !== content.type) return false;
  if (entry.type === "f") return entry.size === content.size && entry.hash === content.hash;
  if (entry.type === "l") return entry.target === content.target;
  return entry.type === "d" || entry.device === content.device;
}

/** From the form of support/fixture.c to blit's. */
export function decoded(path: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < path.length; i++) {
    if (path[i] === "%") {
      bytes.push(parseInt(path.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(path.charCodeAt(i));
  }
  return pathFromBytes(new Uint8Array(bytes));
}

export function encoded(path: string): string {
  return percentEncode(pathToBytes(path));
}
