/** An entry of a daemon for people and for programs. */

import { pathFromBytes, printablePath } from "../base/path_bytes.ts";
import { formatBytes } from "../base/units.ts";
import { type Entry, EntryKind } from "../wire/gen/blit/v1/entry_pb.ts";

const kinds: Readonly<Record<EntryKind, readonly [name: string, letter: string]>> = {
  [EntryKind.UNSPECIFIED]: ["unknown", "?"],
  [EntryKind.FILE]: ["file", "-"],
  [EntryKind.SYMLINK]: ["symlink", "l"],
  [EntryKind.FIFO]: ["fifo", "p"],
  [EntryKind.SOCKET]: ["socket", "s"],
  [EntryKind.CHAR_DEVICE]: ["char_device", "c"],
  [EntryKind.BLOCK_DEVICE]: ["block_device", "b"],
  [EntryKind.DIRECTORY]: ["directory", "d"],
};

/** The path as a PEP 383 string; --json prints it. */
export function entryRecord(entry: Entry) {
  return {
    path: pathFromBytes(entry.path),
    kind: kinds[entry.kind]?.[0] ?? "unknown",
    size: Number(entry.size),
    modified_seconds: Number(entry.modifiedSeconds),
    modified_nanoseconds: entry.modifiedNanoseconds,
    mode: entry.mode,
    user_id: entry.userId,
    group_id: entry.groupId,
    links: entry.links,
    target: entry.kind === EntryKind.SYMLINK ? pathFromBytes(entry.target) : undefined,
  };
}

/** One line without its end; `name` is what the entry is called in it. */
export function entryLine(entry: Entry, name: string, long: boolean): string {
  const ending = entry.kind === EntryKind.DIRECTORY && !name.endsWith("/") ? "/" : "";
  const shown = printablePath(name) + ending;
  if (!long) return shown;
  const target = entry.kind === EntryKind.SYMLINK ? ` -> ${printablePath(pathFromBytes(entry.target))}` : "";
  const owner = `${entry.userId}:${entry.groupId}`;
  const size = entry.kind === EntryKind.DIRECTORY ? "" : formatBytes(Number(entry.size));
  return `${modeText(entry)}  ${owner.padEnd(9)}  ${size.padStart(8)}  ${
    timeText(entry.modifiedSeconds)
  }  ${shown}${target}`;
}

/** "drwxr-xr-x", with the letters of ls for set-id and sticky bits. */
export function modeText({ kind, mode }: Entry): string {
  const bits = [6, 3, 0].map((shift, who) => {
    const [read, write, execute] = [4, 2, 1].map((bit) => (mode >> shift & bit) !== 0);
    const special = (mode >> (11 - who) & 1) !== 0;
    const letter = who === 2 ? "t" : "s";
    const last = special ? execute ? letter : letter.toUpperCase() : execute ? "x" : "-";
    return `${read ? "r" : "-"}${write ? "w" : "-"}${last}`;
  });
  return (kinds[kind]?.[1] ?? "?") + bits.join("");
}

/** Local time to the minute: "2026-01-02 03:04". A time that no calendar has shows as its seconds. */
function timeText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `@${seconds}`;
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
