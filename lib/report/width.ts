/** How many terminal cells a text takes, and how to cut it to a number of them. */

// Zero: combining marks, joiners and other format characters. Two: East Asian wide and full-width forms, emoji.
const zero = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const wideRanges: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function cellsOf(char: string): number {
  const point = char.codePointAt(0)!;
  if (point < 0x300) return 1;
  if (zero.test(char)) return 0;
  return wideRanges.some(([from, to]) => point >= from && point <= to) ? 2 : 1;
}

export function cellWidth(text: string): number {
  let cells = 0;
  for (const char of text) cells += cellsOf(char);
  return cells;
}

/** `text` in at most `cells` cells: what does not fit is taken from the middle and an ellipsis put there. */
export function cutMiddle(text: string, cells: number): string {
  if (cellWidth(text) <= cells) return text;
  if (cells < 1) return "";
  const chars = [...text];
  const room = cells - 1;
  // The end of a path says more than its beginning.
  const headRoom = Math.floor(room / 2);
  let head = "";
  let headCells = 0;
  for (const char of chars) {
    if (headCells + cellsOf(char) > headRoom) break;
    head += char;
    headCells += cellsOf(char);
  }
  let tail = "";
  let tailCells = 0;
  let marks = "";
  for (const char of chars.reverse()) {
    const width = cellsOf(char);
    if (tailCells + width > room - headCells) break;
    // A mark belongs to the character before it and is dropped with it.
    if (width === 0) {
      marks = char + marks;
      continue;
    }
    tail = char + marks + tail;
    marks = "";
    tailCells += width;
  }
  return `${head}…${tail}`;
}
