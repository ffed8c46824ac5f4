/** The line of one changed entry, as `-v`, `--dry-run` and `check` print it; the legend stands in the help. */

import { printablePath } from "../base/path_bytes.ts";
import type { Change, EntryEvent } from "../model/event.ts";
import type { Colour, Paint } from "./palette.ts";

const signs: Readonly<Record<Change, readonly [sign: string, colour: Colour]>> = {
  create: ["+", "green"],
  replace: ["~", "yellow"],
  metadata: [".", "cyan"],
  link: ["h", "green"],
  delete: ["-", "red"],
  unchanged: ["=", "dim"],
};

export function itemLine(entry: EntryEvent, paint: Paint): string {
  const [sign, colour] = signs[entry.change];
  return `${paint(colour, sign)} ${printablePath(entry.path)}${entry.kind === "directory" ? "/" : ""}`;
}
