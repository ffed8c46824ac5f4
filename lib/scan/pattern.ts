/**
 * Patterns of --include and --exclude, compiled for speed: most of them never reach a regular expression.
 *
 * Paths are relative to the root of the transfer, PEP 383 strings without leading or trailing slash.
 */

import { type ParsedPattern, parsePattern, type Token } from "./pattern_syntax.ts";
import { tokensToRegExp } from "./pattern_regexp.ts";

/** `nameStart` is the index at which the last component of `path` starts. */
export type PathMatcher = (path: string, nameStart: number, isDirectory: boolean) => boolean;

/** Raises BlitError (usage) if the pattern is malformed or cannot name anything. */
export function compilePattern(pattern: string): PathMatcher {
  const parsed = parsePattern(pattern);
  const matches = literalMatcher(parsed) ?? singleNameMatcher(parsed) ?? regExpMatcher(parsed);
  return parsed.directoriesOnly
    ? (path, nameStart, isDirectory) => isDirectory && matches(path, nameStart, isDirectory)
    : matches;
}

/** For patterns without wildcards: `name`, `/name`, `some/path`, `/some/path`. */
function literalMatcher({ tokens, extent }: ParsedPattern): PathMatcher | undefined {
  let literal = "";
  for (const token of tokens) {
    if (token.kind === "text") literal += token.text;
    else if (token.kind === "slash") literal += "/";
    else return undefined;
  }
  if (extent === "path") return (path) => path === literal;
  if (!literal.includes("/")) {
    return (path, nameStart) => path.length - nameStart === literal.length && path.startsWith(literal, nameStart);
  }
  const tail = `/${literal}`;
  return (path) => path.endsWith(tail) || path === literal;
}

/** For patterns of the last component in which text stands only before, after or between stars: `a*`, `*.b`, `a*b`, `*a*`. */
function singleNameMatcher({ tokens, extent }: ParsedPattern): PathMatcher | undefined {
  if (extent !== "components") return undefined;
  const shape = tokens.map((token) => token.kind).join(" ");
  const [first, second, third] = tokens.map(textOf);
  switch (shape) {
    case "star":
      return () => true;
    case "text star":
      return (path, nameStart) => path.startsWith(first, nameStart);
    case "star text":
      if (startsInsideCharacter(second)) return undefined;
      return (path) => path.endsWith(second);
    case "text star text":
      if (startsInsideCharacter(third)) return undefined;
      return (path, nameStart) =>
        path.length - nameStart >= first.length + third.length && path.endsWith(third) &&
        path.startsWith(first, nameStart);
    case "star text star":
      if (startsInsideCharacter(second)) return undefined;
      return (path, nameStart) => path.indexOf(second, nameStart) >= 0;
  }
  return undefined;
}

function textOf(token: Token): string {
  return token.kind === "text" ? token.text : "";
}

/** An undecodable byte at the start of a text looks like the second half of a surrogate pair to plain string methods. */
function startsInsideCharacter(text: string): boolean {
  return /^[\udc00-\udfff]/.test(text);
}

function regExpMatcher({ tokens, extent, directoryAndContent }: ParsedPattern): PathMatcher {
  const expression = tokensToRegExp(tokens, extent === "tail");
  const slashes = extent === "components" ? tokens.filter((token) => token.kind === "slash").length : undefined;
  return (path, nameStart, isDirectory) => {
    expression.lastIndex = slashes === undefined ? 0 : stepBack(path, nameStart, slashes);
    return expression.test(directoryAndContent && isDirectory ? `${path}/` : path);
  };
}

/** The start of the component that is `count` components before the one at `start`, or 0 if there are too few. */
function stepBack(path: string, start: number, count: number): number {
  for (let left = count; left > 0 && start > 0; left--) start = path.lastIndexOf("/", start - 2) + 1;
  return start;
}
