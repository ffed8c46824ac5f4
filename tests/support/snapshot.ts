/**
 * A full listing of a tree (types, modes, owners, times, links, attributes, content hashes) and what differs between two.
 *
 * Made by fixture.c through descriptors, so it sees names that are not UTF-8 and paths longer than PATH_MAX. It is the
 * second oracle beside rsync, and the proof that something was not touched.
 */

import { fixture } from "./fixture.ts";

export type EntryType = "f" | "d" | "l" | "p" | "s" | "c" | "b";

export interface SnapshotEntry {
  /** Percent-encoded, relative to the root; "." is the root. */
  readonly path: string;
  readonly type: EntryType;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly mtimeNs: bigint;
  readonly links: number;
  readonly inode: string;
  readonly device: string;
  readonly target: string;
  /** name=hash pairs, sorted. ACLs are among them. */
  readonly attributes: string;
  readonly hash: string;
}

export type Snapshot = ReadonlyMap<string, SnapshotEntry>;

export async function snapshot(root: string): Promise<Snapshot> {
  return parseSnapshot(await fixture(["list", root]));
}

/** Of the lines that fixture.c lists. */
export function parseSnapshot(text: string): Snapshot {
  const entries = new Map<string, SnapshotEntry>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const word = line.split(" ");
    entries.set(word[0], {
      path: word[0],
      type: word[1] as EntryType,
      mode: word[2],
      uid: Number(word[3]),
      gid: Number(word[4]),
      size: Number(word[5]),
      blocks: Number(word[6]),
      mtimeNs: BigInt(word[7]) * 1_000_000_000n + BigInt(word[8]),
      links: Number(word[9]),
      inode: word[10],
      device: word[11],
      target: word[12],
      attributes: word[13],
      hash: word[14],
    });
  }
  return entries;
}

export interface Comparison {
  /** Compare owners; off where the program may not set them. Default true. */
  readonly owners?: boolean;
  /** Default true. */
  readonly attributes?: boolean;
  /** Compare the roots' own metadata. Default true. */
  readonly rootEntry?: boolean;
  /** Compare directory times. Default true. */
  readonly directoryTimes?: boolean;
  /** Compare which names share an inode. Default true. */
  readonly hardLinks?: boolean;
  /** Entries that only the second tree has are no difference. Default false. */
  readonly extraAllowed?: boolean;
  /** Compare the space that files take: at most twice the source's, or 128 KiB more (preallocation, other block sizes). Default true. */
  readonly space?: boolean;
}

/** Differences that a faithful copy must not show, one line each; empty when there is none. */
export function differences(from: Snapshot, to: Snapshot, options: Comparison = {}): string[] {
  const found: string[] = [];
  const fromGroups = linkGroups(from);
  const toGroups = linkGroups(to);
  for (const [path, source] of from) {
    if (path === "." && options.rootEntry === false) continue;
    const copy = to.get(path);
    if (copy === undefined) {
      found.push(`${path}: missing`);
      continue;
    }
    for (const [what, wanted, got] of fields(source, copy, options)) {
      if (wanted !== got) found.push(`${path}: ${what} is ${got}, not ${wanted}`);
    }
    if (options.hardLinks !== false && fromGroups.get(path) !== toGroups.get(path)) {
      found.push(`${path}: hard-linked with ${toGroups.get(path)}, not ${fromGroups.get(path)}`);
    }
    const blocksLimit = Math.max(source.blocks * 2, source.blocks + 256);
    if (source.type === "f" && options.space !== false && copy.blocks > blocksLimit) {
      found.push(`${path}: takes ${copy.blocks * 512} bytes on disk, the source ${source.blocks * 512}`);
    }
  }
  if (!options.extraAllowed) { for (const path of to.keys()) if (!from.has(path)) found.push(`${path}: extra`); }
  return found;
}

/** Everything that changed between two listings of the same tree, ctime aside; empty when it was not touched. */
export function changes(before: Snapshot, after: Snapshot): string[] {
  const found = differences(before, after, { space: false });
  for (const [path, old] of before) {
    const now = after.get(path);
    if (now !== undefined && now.inode !== old.inode) found.push(`${path}: replaced by another inode`);
  }
  return found;
}

function fields(a: SnapshotEntry, b: SnapshotEntry, options: Comparison): [string, unknown, unknown][] {
  const list: [string, unknown, unknown][] = [["type", a.type, b.type]];
  if (a.type !== b.type) return list;
  if (a.type !== "l") list.push(["mode", a.mode, b.mode]);
  if (options.owners !== false) list.push(["owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`]);
  if (a.type !== "d" || options.directoryTimes !== false) list.push(["mtime", a.mtimeNs, b.mtimeNs]);
  if (options.attributes !== false) list.push(["attributes", a.attributes, b.attributes]);
  if (a.type === "f") list.push(["size", a.size, b.size], ["content", a.hash, b.hash]);
  if (a.type === "l") list.push(["target", a.target, b.target]);
  if (a.type === "c" || a.type === "b") list.push(["device", a.device, b.device]);
  return list;
}

/** For each entry that is not a directory: the names it shares its inode with, in this tree. */
function linkGroups(tree: Snapshot): Map<string, string> {
  const byInode = new Map<string, string[]>();
  for (const entry of tree.values()) {
    if (entry.type === "d") continue;
    const names = byInode.get(entry.inode);
    if (names === undefined) byInode.set(entry.inode, [entry.path]);
    else names.push(entry.path);
  }
  const groups = new Map<string, string>();
  for (const names of byInode.values()) {
    const text = names.length === 1 ? "nothing" : names.sort().join(" ");
    for (const name of names) groups.set(name, text);
  }
  return groups;
}
