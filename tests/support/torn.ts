/**
 * What must hold in a destination at any moment, whatever was killed: a file that existed before is the old one or the
 * new one, whole; a file that did not may be unfinished, but then it does not look finished.
 */

import { AssertionError } from "@std/assert";
import type { Snapshot, SnapshotEntry } from "./snapshot.ts";

/** Throws an AssertionError that names each entry of `now` that neither `old` nor `next` explains. */
export function assertNothingTorn(old: Snapshot, next: Snapshot, now: Snapshot): void {
  const found: string[] = [];
  for (const [path, entry] of now) {
    if (isTemporary(path)) continue;
    const [before, after] = [old.get(path), next.get(path)];
    if (before === undefined && after === undefined) found.push(`${path}: came from nowhere`);
    else if (!explained(entry, before, after)) found.push(`${path}: ${describe(entry)} is neither old nor new`);
  }
  for (const [path, before] of old) {
    if (before.type !== "d" && next.get(path)?.type === before.type && !now.has(path)) found.push(`${path}: is gone`);
  }
  if (found.length > 0) throw new AssertionError(`The destination is torn:\n  ${found.slice(0, 20).join("\n  ")}`);
}

function explained(entry: SnapshotEntry, before?: SnapshotEntry, after?: SnapshotEntry): boolean {
  if (same(entry, before) || same(entry, after)) return true;
  if (before?.type === "f" && after?.type === "f") return false;
  // New files may be unfinished, as long as nobody can take them for finished.
  return entry.type === "f" && after?.type === "f" && !(entry.size === after.size && entry.mtimeNs === after.mtimeNs);
}

function same(a: SnapshotEntry, b?: SnapshotEntry): boolean {
  return b !== undefined && a.type === b.type && a.size === (a.type === "d" ? a.size : b.size) && a.hash === b.hash &&
    a.target === b.target;
}

function isTemporary(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".blit-"));
}

function describe(entry: SnapshotEntry): string {
  return entry.type === "f" ? `a file of ${entry.size} bytes` : `an entry of type ${entry.type}`;
}
