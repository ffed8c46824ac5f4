/** The line of one changed entry, as `-v`, `--dry-run` and `check` print it; the legend stands in the help. */

import { printablePath } from "../base/path_bytes.ts";
import type { Change, EntryEvent } from "../model/event.ts";
import type { Colour, Paint } from "./palette.ts";

type Visible = Exclude<Change, "unchanged">;

const signs: Readonly<Record<Visible, readonly [sign: string, colour: Colour]>> = {
  create: ["+", "green"],
  replace: ["~", "yellow"],
  metadata: [".", "cyan"],
  link: ["h", "green"],
  delete: ["-", "red"],
};

export function itemLine(entry: EntryEvent, change: Visible, paint: Paint): string {
  const [sign, colour] = signs[change];
  return `${paint(colour, sign)} ${printablePath(entry.path)}${entry.kind === "directory" ? "/" : ""}`;
}
