/** What a terminal shows after all that was written to it: enough of one for what blit writes. */

/** The rows, without blanks at their ends and without empty rows at the end. Raises for a sequence it does not know. */
export function shownOn(columns: number, output: string): string[] {
  const rows: string[][] = [[]];
  let [row, column] = [0, 0];
  // deno-lint-ignore no-control-regex
  for (const [piece, count, letter] of output.matchAll(/\x1b\[(\d*)([A-Za-z])|[\s\S]/gu)) {
    if (letter === "A") row = Math.max(0, row - Number(count || 1));
    else if (letter === "K") rows[row].length = Math.min(rows[row].length, column);
    else if (letter === "J") {
      rows[row].length = Math.min(rows[row].length, column);
      rows.length = row + 1;
    } else if (piece === "\r") column = 0;
    else if (piece === "\n") rows[++row] ??= [];
    else if (letter === "m") continue;
    else if (piece < " " || letter !== undefined) throw new Error(`Unknown to this terminal: ${JSON.stringify(piece)}`);
    else {
      if (column === columns) {
        column = 0;
        rows[++row] ??= [];
      }
      while (rows[row].length < column) rows[row].push(" ");
      rows[row][column++] = piece;
    }
  }
  const shown = rows.map((cells) => cells.join("").trimEnd());
  return shown.slice(0, shown.findLastIndex((line) => line !== "") + 1);
}
