/** Rows of short texts as lines with aligned columns, and a row of numbers as a line of bars. */

import { cellWidth } from "./width.ts";

/** The first row is the heading. `left`: the columns that are texts; numbers stand to the right. No line ends in blanks. */
export function alignColumns(rows: readonly (readonly string[])[], left: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => cellWidth(row[column]))));
  return rows.map((row) =>
    row.map((text, column) => pad(text, widths[column], left.includes(column))).join("  ").trimEnd()
  );
}

function pad(text: string, width: number, left: boolean): string {
  const blanks = " ".repeat(width - cellWidth(text));
  return left ? text + blanks : blanks + text;
}

const bars = "▁▂▃▄▅▆▇█";

/** One bar for each value, from the smallest to the largest of them; all alike stand half high. */
export function sparkline(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => bars[high > low ? Math.round((value - low) / (high - low) * (bars.length - 1)) : 3])
    .join("");
}
