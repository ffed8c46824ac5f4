/**
 * The syntax of patterns: a pattern as typed to its tokens and to the part of a path that it is held against.
 *
 * Means what rsync means by the same characters, with three differences: `?` and classes take one character where
 * rsync takes one byte; a `/` inside a class does not make the pattern one over several components; a malformed
 * pattern is an error where rsync lets it match nothing.
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { MalformedPattern, parseClass } from "./pattern_class.ts";

export type Token =
  /** Itself; holds no `/`. */
  | { readonly kind: "text"; readonly text: string }
  /** One character but `/`, as the source of a RegExp with the `u` flag. */
  | { readonly kind: "one"; readonly source: string }
  | { readonly kind: "slash" }
  /** Any characters but `/`, or none. */
  | { readonly kind: "star" }
  /** Any characters, or none. */
  | { readonly kind: "globstar" };

export interface ParsedPattern {
  readonly tokens: readonly Token[];
  /**
   * What the tokens have to match whole:
   * - `path`: the path;
   * - `components`: the last components of the path, as many as the pattern has (one for a pattern without slash);
   * - `tail`: the path or what follows any of its slashes.
   */
  readonly extent: "path" | "components" | "tail";
  /** Typed with a trailing slash. */
  readonly directoriesOnly: boolean;
  /** Ends in `/***`: a directory is matched with a slash after its path. */
  readonly directoryAndContent: boolean;
}

/** Raises BlitError (usage) if the pattern is malformed or cannot name anything. */
export function parsePattern(pattern: string): ParsedPattern {
  try {
    return parse(pattern);
  } catch (error) {
    if (!(error instanceof MalformedPattern)) throw error;
    throw usageError(
      `Cannot use the pattern "${printablePath(pattern)}": ${printablePath(error.message)}`,
      'A backslash in front of "*", "?", "[" or "\\" makes it an ordinary character.',
    );
  }
}

function parse(pattern: string): ParsedPattern {
  const directoriesOnly = pattern.length > 1 && pattern.endsWith("/");
  const anchored = pattern.startsWith("/");
  const body = pattern.slice(anchored ? 1 : 0, directoriesOnly ? -1 : undefined);
  if (body === "") throw new MalformedPattern("it names nothing");

  let tokens = /[*?[]/.test(body) ? tokenize(body) : tokenizeLiteral(body);
  const directoryAndContent = body.endsWith("***") && tokens.at(-1)?.kind === "globstar" &&
    tokens.at(-2)?.kind === "slash";
  let extent: ParsedPattern["extent"] = anchored ? "path" : "tail";
  if (!anchored && tokens[0].kind === "globstar") {
    // A leading "**/" also stands for nothing at all, which is what "tail" says without it.
    if (tokens[1]?.kind === "slash") tokens = tokens.slice(2);
    else extent = "path";
  }
  if (extent === "tail" && !tokens.some((token) => token.kind === "globstar")) extent = "components";
  return { tokens, extent, directoriesOnly, directoryAndContent };
}

function tokenizeLiteral(body: string): Token[] {
  const tokens: Token[] = [];
  for (const char of body) appendCharacter(tokens, char);
  return tokens;
}

function tokenize(body: string): Token[] {
  const chars = [...body];
  const tokens: Token[] = [];
  let at = 0;
  while (at < chars.length) {
    const char = chars[at];
    if (char === "*") {
      const first = at;
      while (chars[at] === "*") at++;
      tokens.push({ kind: at - first > 1 ? "globstar" : "star" });
    } else if (char === "[") {
      const { source, end } = parseClass(chars, at);
      tokens.push({ kind: "one", source });
      at = end;
    } else if (char === "?") {
      tokens.push({ kind: "one", source: "[^/]" });
      at++;
    } else {
      if (char === "\\") at++;
      if (at === chars.length) throw new MalformedPattern("it ends in a backslash that escapes nothing");
      appendCharacter(tokens, chars[at]);
      at++;
    }
  }
  return tokens;
}

/** Neighbouring characters become one text token. */
function appendCharacter(tokens: Token[], char: string): void {
  const last = tokens.at(-1);
  if (char === "/") tokens.push({ kind: "slash" });
  else if (last?.kind === "text") tokens[tokens.length - 1] = { kind: "text", text: last.text + char };
  else tokens.push({ kind: "text", text: char });
}
