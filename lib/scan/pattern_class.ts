/**
 * The `[...]` part of a pattern: its syntax, turned into a regular expression that takes exactly one character.
 *
 * Syntax as in rsync: `!` or `^` first negates, `]` first is a member, `\x` is x, `a-z` a range of code points,
 * `[:alpha:]` and its eleven siblings stand for ASCII characters only. A class never takes a `/`. An undecodable byte
 * (a lone surrogate) is one character, so a negated class takes it.
 */

/** What is wrong with a pattern, in words that fit after `Cannot use the pattern "...": `. */
export class MalformedPattern extends Error {}

export interface ParsedClass {
  /** For a RegExp with the `u` flag. */
  readonly source: string;
  /** Index of the first character after the closing bracket. */
  readonly end: number;
}

type Range = readonly [first: number, last: number];

const posixClasses: Readonly<Record<string, readonly Range[]>> = {
  alnum: [[0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]],
  alpha: [[0x41, 0x5a], [0x61, 0x7a]],
  blank: [[0x09, 0x09], [0x20, 0x20]],
  cntrl: [[0x00, 0x1f], [0x7f, 0x7f]],
  digit: [[0x30, 0x39]],
  graph: [[0x21, 0x7e]],
  lower: [[0x61, 0x7a]],
  print: [[0x20, 0x7e]],
  punct: [[0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e]],
  space: [[0x09, 0x0d], [0x20, 0x20]],
  upper: [[0x41, 0x5a]],
  xdigit: [[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]],
};

/**
 * Parses the class whose opening bracket is `chars[start]`; `chars` are the pattern's code points.
 * Raises MalformedPattern.
 */
export function parseClass(chars: readonly string[], start: number): ParsedClass {
  let at = start + 1;
  const negated = chars[at] === "!" || chars[at] === "^";
  if (negated) at++;
  const ranges: Range[] = [];
  const first = at;
  while (at === first || chars[at] !== "]") {
    const posix = parsePosix(chars, at);
    if (posix !== undefined) {
      ranges.push(...posix.ranges);
      at = posix.end;
      continue;
    }
    const low = parseMember(chars, at);
    at = low.end;
    if (chars[at] !== "-" || at + 1 >= chars.length || chars[at + 1] === "]") {
      ranges.push([low.point, low.point]);
      continue;
    }
    const high = parseMember(chars, at + 1);
    if (high.point < low.point) {
      throw new MalformedPattern(`the range "${chars.slice(at - 1, high.end).join("")}" is the wrong way round`);
    }
    ranges.push([low.point, high.point]);
    at = high.end;
  }
  const members = ranges.map(([low, high]) => low === high ? escape(low) : `${escape(low)}-${escape(high)}`).join("");
  return { source: negated ? `[^/${members}]` : `(?!/)[${members}]`, end: at + 1 };
}

/** One character, escaped or not. */
function parseMember(chars: readonly string[], at: number): { point: number; end: number } {
  if (chars[at] === "\\") at++;
  if (at >= chars.length) throw new MalformedPattern('a "[" is never closed');
  return { point: chars[at].codePointAt(0)!, end: at + 1 };
}

/** `[:name:]`, or undefined where something else stands (`[:` without `:]` is two ordinary members). */
function parsePosix(chars: readonly string[], at: number): { ranges: readonly Range[]; end: number } | undefined {
  if (chars[at] !== "[" || chars[at + 1] !== ":") return undefined;
  const close = chars.indexOf("]", at + 2);
  if (close < 0) throw new MalformedPattern('a "[" is never closed');
  if (close === at + 2 || chars[close - 1] !== ":") return undefined;
  const name = chars.slice(at + 2, close - 1).join("");
  if (!Object.hasOwn(posixClasses, name)) throw new MalformedPattern(`there is no character class "[:${name}:]"`);
  return { ranges: posixClasses[name], end: close + 1 };
}

function escape(point: number): string {
  return `\\u{${point.toString(16)}}`;
}
