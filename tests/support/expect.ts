/** Assertions about runs of the program; their messages carry what the program printed. */

import { AssertionError } from "@std/assert";
import type { Json, JsonResult, Result } from "./program.ts";
import { changes, type Snapshot } from "./snapshot.ts";

export function assertExit(result: Result, ...codes: number[]): void {
  if (codes.includes(result.code)) return;
  fail(result, `exit code ${result.code}, expected ${codes.join(" or ")}`);
}

/** Exactly one line of standard error matches. */
export function assertSaysOnce(result: Result, pattern: RegExp): void {
  const count = result.stderr.split("\n").filter((line) => pattern.test(line)).length;
  if (count !== 1) fail(result, `${count} lines match ${pattern}, expected one`);
}

export function assertSays(result: Result, pattern: RegExp): void {
  if (!pattern.test(result.stderr)) fail(result, `nothing matches ${pattern}`);
}

/** The summary has these values. */
export function assertSummary(result: JsonResult, expected: Json): void {
  if (result.summary === undefined) fail(result, "no JSON document on standard output");
  const wrong = Object.entries(expected).filter(([key, value]) =>
    JSON.stringify(result.summary[key]) !== JSON.stringify(value)
  );
  if (wrong.length === 0) return;
  fail(result, `expected ${wrong.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(", ")}`);
}

/** The one failure that names `path`. */
export function failureOf(result: JsonResult, path: string): Json {
  const found = (result.summary?.failures ?? []).filter((failure: Json) => failure.path === path);
  if (found.length !== 1) fail(result, `${found.length} failures name ${JSON.stringify(path)}, expected one`);
  return found[0];
}

/** Nothing changed between two listings of one tree, not even an inode. */
export function assertUntouched(before: Snapshot, after: Snapshot, what: string): void {
  assertNoDifferences(changes(before, after), `${what} was touched`);
}

export function fail(result: Result, what: string): never {
  const output = `--- stdout\n${result.stdout.slice(0, 4000)}\n--- stderr\n${result.stderr.slice(0, 4000)}`;
  throw new AssertionError(`${what} (exit code ${result.code})\n${output}`);
}

/** The list from `differences` or `changes` is empty. */
export function assertNoDifferences(found: readonly string[], what: string): void {
  if (found.length === 0) return;
  const shown = found.slice(0, 20).map((line) => line.length > 300 ? `...${line.slice(-300)}` : line);
  throw new AssertionError(`${what}: ${found.length} differences:\n  ${shown.join("\n  ")}`);
}
