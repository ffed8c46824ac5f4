/**
 * Patterns for names, as a client may send them: "*", "?", "[a-z]", "[!a-z]", "\" before a character that stands for itself. Matching
 * takes at most pattern times name steps, whatever the pattern: a client cannot keep the daemon busy with one.
 */

type Token =
  | { readonly is: "run" }
  | { readonly is: "any" }
  | { readonly is: "one"; readonly char: string }
  | {
    readonly is: "set";
    readonly ranges: readonly (readonly [from: string, to: string])[];
    readonly negated: boolean;
  };

export type NameMatcher = (name: string) => boolean;

/** The whole name has to match. A bracket that is never closed stands for itself. */
export function compileNamePattern(pattern: string): NameMatcher {
  const tokens = tokenize([...pattern]);
  return (name) => matches(tokens, [...name]);
}

function tokenize(chars: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length;) {
    const char = chars[at];
    const set = char === "[" ? readSet(chars, at) : undefined;
    if (set !== undefined) {
      tokens.push(set.token);
      at = set.end;
      continue;
    }
    if (char === "\\" && at + 1 < chars.length) tokens.push({ is: "one", char: chars[++at] });
    else if (char === "?") tokens.push({ is: "any" });
    else if (char !== "*") tokens.push({ is: "one", char });
    else if (tokens.at(-1)?.is !== "run") tokens.push({ is: "run" });
    at++;
  }
  return tokens;
}

/** The set that begins at the bracket; undefined where it does not end. A "]" right behind the bracket belongs to the set. */
function readSet(chars: readonly string[], start: number): { token: Token; end: number } | undefined {
  let at = start + 1;
  const negated = chars[at] === "!" || chars[at] === "^";
  if (negated) at++;
  const ranges: [string, string][] = [];
  for (let first = true; at < chars.length; first = false) {
    if (chars[at] === "]" && !first) return { token: { is: "set", ranges, negated }, end: at + 1 };
    const from = chars[at] === "\\" ? chars[++at] : chars[at];
    at++;
    let to = from;
    if (chars[at] === "-" && chars[at + 1] !== undefined && chars[at + 1] !== "]") {
      to = chars[at + 1];
      at += 2;
    }
    if (from !== undefined) ranges.push([from, to]);
  }
  return undefined;
}

/** On a mismatch only the last run may take one character more: earlier ones could never help. */
function matches(tokens: readonly Token[], name: readonly string[]): boolean {
  let token = 0;
  let at = 0;
  let runToken = -1;
  let runAt = 0;
  while (at < name.length) {
    if (tokens[token]?.is === "run") {
      runToken = token++;
      runAt = at;
    } else if (token < tokens.length && matchesOne(tokens[token], name[at])) {
      token++;
      at++;
    } else if (runToken >= 0) {
      token = runToken + 1;
      at = ++runAt;
    } else {
      return false;
    }
  }
  while (tokens[token]?.is === "run") token++;
  return token === tokens.length;
}

function matchesOne(token: Token, char: string): boolean {
  switch (token.is) {
    case "any":
      return true;
    case "one":
      return token.char === char;
    case "set":
      return token.ranges.some(([from, to]) => order(char) >= order(from) && order(char) <= order(to)) !==
        token.negated;
    case "run":
      return false;
  }
}

function order(char: string): number {
  return char.codePointAt(0)!;
}
