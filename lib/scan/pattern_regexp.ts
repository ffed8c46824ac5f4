/**
 * Tokens of a pattern to one regular expression that cannot run away.
 *
 * Naively written, `*a*b*c*d` tries every way to share a name among its stars. Where another star follows, the first
 * place at which a piece fits is as good as any later one, so such a piece is matched atomically, `(?=(...))\1`, and
 * never reconsidered. What remains is at worst quadratic in the length of the path.
 *
 * The `u` flag makes one character of a surrogate pair and one of a lone surrogate (an undecodable byte).
 */

import type { Token } from "./pattern_syntax.ts";

/**
 * The whole text has to match, from `lastIndex` on (the expression is sticky: the caller sets it before each test) or,
 * with `tail`, from there or after any later slash. `tail` needs a `**` among the tokens.
 */
export function tokensToRegExp(tokens: readonly Token[], tail: boolean): RegExp {
  const [head, ...deep] = split(tokens, "globstar");
  const atomic = atomicGroups();
  let source = components(head, deep.length > 0, atomic);
  if (tail) source = atomic(`(?:[^]*?/)??${source}`);
  deep.forEach((group, index) => {
    if (index < deep.length - 1) source += atomic(`[^]*?${components(group, true, atomic)}`);
    // Whatever follows a "**" at the end is a match.
    else if (group.length > 0) source += `[^]*${components(group, false, atomic)}$`;
  });
  return new RegExp(deep.length === 0 ? `${source}$` : source, "uy");
}

type Atomic = (source: string) => string;

/** Wraps a source so that it is matched once and not given back; the groups are named because they nest. */
function atomicGroups(): Atomic {
  let counter = 0;
  return (source) => {
    const name = `p${++counter}`;
    return `(?=(?<${name}>${source}))\\k<${name}>`;
  };
}

/** `openEnd`: a `**` follows. */
function components(tokens: readonly Token[], openEnd: boolean, atomic: Atomic): string {
  const parts = split(tokens, "slash");
  return parts.map((part, index) => component(part, openEnd && index === parts.length - 1, atomic)).join("/");
}

function component(tokens: readonly Token[], openEnd: boolean, atomic: Atomic): string {
  const [head, ...pieces] = split(tokens, "star");
  return pieces.reduce((source, piece, index) => {
    const starFollows = index < pieces.length - 1 || openEnd;
    return source + (starFollows ? atomic(`[^/]*?${fixed(piece)}`) : `[^/]*${fixed(piece)}`);
  }, fixed(head));
}

function fixed(tokens: readonly Token[]): string {
  return tokens.map((token) => {
    if (token.kind === "text") return token.text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    if (token.kind === "one") return token.source;
    throw new Error(`Cannot place a ${token.kind} here`);
  }).join("");
}

function split(tokens: readonly Token[], kind: Token["kind"]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === kind) parts.push([]);
    else parts[parts.length - 1].push(token);
  }
  return parts;
}
