/**
 * What a pattern means, written a second time: slow, recursive, without regular expressions over paths and without the
 * tokens of lib/scan. It trusts that the pattern is not malformed and has no slash inside a class.
 */

export function referenceMatches(pattern: string, path: string, isDirectory: boolean): boolean {
  if (pattern.length > 1 && pattern.endsWith("/")) {
    return isDirectory && referenceMatches1(pattern.slice(0, -1), path, isDirectory);
  }
  return referenceMatches1(pattern, path, isDirectory);
}

function referenceMatches1(pattern: string, path: string, isDirectory: boolean): boolean {
  const wild = ["*", "?", "["].some((char) => pattern.includes(char));
  const matches = (part: string, text: string) => wild ? wildMatches([...part], [...text]) : part === text;
  const whole = pattern.endsWith("***") && isDirectory ? path + "/" : path;
  if (pattern.startsWith("/")) return matches(pattern.slice(1), whole);
  if (pattern.startsWith("**")) return matches(pattern, "/" + whole);
  if (pattern.includes("**")) {
    const components = whole.split("/");
    return components.some((_, index) => matches(pattern, components.slice(index).join("/")));
  }
  const wanted = pattern.split("/").length;
  const components = path.split("/");
  return components.length >= wanted && matches(pattern, components.slice(-wanted).join("/"));
}

function wildMatches(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return text.length === 0;
  if (head === "*" && rest[0] === "*") {
    const after = rest.slice(
      rest.findIndex((char) => char !== "*") < 0 ? rest.length : rest.findIndex((c) => c !== "*"),
    );
    for (let taken = 0; taken <= text.length; taken++) if (wildMatches(after, text.slice(taken))) return true;
    return false;
  }
  if (head === "*") {
    return wildMatches(rest, text) || text.length > 0 && text[0] !== "/" && wildMatches(pattern, text.slice(1));
  }
  if (text.length === 0) return false;
  if (head === "?") return text[0] !== "/" && wildMatches(rest, text.slice(1));
  if (head === "\\") return rest[0] === text[0] && wildMatches(rest.slice(1), text.slice(1));
  if (head === "[") {
    const { length, takes } = readClass(rest.join(""));
    return takes(text[0]) && wildMatches([...rest.join("").slice(length)], text.slice(1));
  }
  return head === text[0] && wildMatches(rest, text.slice(1));
}

const posix: Record<string, (char: string) => boolean> = {
  alnum: (char) => posix.alpha(char) || posix.digit(char),
  alpha: (char) => posix.upper(char) || posix.lower(char),
  blank: (char) => char === " " || char === "\t",
  cntrl: (char) => char < " " || char === "\x7f",
  digit: (char) => "0123456789".includes(char),
  graph: (char) => posix.alnum(char) || posix.punct(char),
  lower: (char) => "abcdefghijklmnopqrstuvwxyz".includes(char),
  print: (char) => posix.graph(char) || char === " ",
  punct: (char) => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".includes(char),
  space: (char) => " \t\n\v\f\r".includes(char),
  upper: (char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ".includes(char),
  xdigit: (char) => "0123456789abcdefABCDEF".includes(char),
};

/** `source` starts after the opening bracket; `length` counts up to and with the closing one. */
function readClass(source: string): { length: number; takes: (char: string) => boolean } {
  const item = /\[:(?<name>[a-z]+):\]|(?:\\(?<lowQuoted>.)|(?<low>.))(?:-(?!\])(?:\\(?<highQuoted>.)|(?<high>.)))?/suy;
  const negated = /^[!^]/.test(source);
  const tests: ((char: string) => boolean)[] = [];
  let at = negated ? 1 : 0;
  do {
    item.lastIndex = at;
    const { name, lowQuoted, low, highQuoted, high } = item.exec(source)!.groups!;
    const from = (lowQuoted ?? low)?.codePointAt(0)!;
    const to = (highQuoted ?? high)?.codePointAt(0) ?? from;
    tests.push(name !== undefined ? posix[name] : (char) => from <= char.codePointAt(0)! && char.codePointAt(0)! <= to);
    at = item.lastIndex;
  } while (source[at] !== "]");
  return { length: at + 1, takes: (char) => char !== "/" && tests.some((test) => test(char)) !== negated };
}
