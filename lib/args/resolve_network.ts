/** What was typed behind the commands that deal with a daemon. Whatever is wrong raises a usage error. */

import { usageError } from "../base/errors.ts";
import { parseCount, parseDuration, parseSize } from "../base/units.ts";
import { noOperands, oneOperand } from "./operands.ts";
import { isGiven, lastValue, type Typed } from "./parse.ts";
import { checkChoices, value } from "./resolve.ts";

/** Flags of `blit daemon`; undefined: not given. */
export interface DaemonRequest {
  readonly config?: string;
  readonly root?: string;
  readonly privileged: boolean;
  readonly bind?: string;
  readonly port?: number;
  readonly noMdns: boolean;
}

export function resolveDaemon(typed: Typed): DaemonRequest {
  noOperands(typed);
  const port = value(typed, "port", parsePort);
  for (const name of ["config", "root", "bind"] as const) {
    if (lastValue(typed, name) === "") throw usageError(`Option "--${name}" is empty`);
  }
  const privileged = isGiven(typed, "privileged");
  if (privileged && lastValue(typed, "root") === undefined) {
    throw usageError('"--privileged" is for the directory of "--root"', "A configuration says it in each module.");
  }
  return {
    config: lastValue(typed, "config"),
    root: lastValue(typed, "root"),
    privileged,
    bind: lastValue(typed, "bind"),
    port,
    noMdns: isGiven(typed, "no-mdns"),
  };
}

export type KindName = "file" | "directory" | "symlink" | "other";

export interface FindRequest {
  readonly path: string;
  readonly names: readonly string[];
  readonly kinds: readonly KindName[];
  /** Bytes. */
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly maxDepth?: number;
}

export function resolveFind(typed: Typed): FindRequest {
  checkChoices(typed);
  const minSize = value(typed, "min-size", parseSize);
  const maxSize = value(typed, "max-size", parseSize);
  if (minSize !== undefined && maxSize !== undefined && minSize > maxSize) {
    throw usageError('"--min-size" is above "--max-size", so nothing would be left');
  }
  return {
    path: oneOperand(typed, "a path such as host:/module/path"),
    names: valuesOf(typed, "name"),
    kinds: valuesOf(typed, "type") as KindName[],
    minSize,
    maxSize,
    maxDepth: maxDepth(typed),
  };
}

export function maxDepth(typed: Typed): number | undefined {
  return value(typed, "max-depth", parseCount);
}

/** Milliseconds that `blit scan` listens. */
export function scanDuration(typed: Typed): number {
  noOperands(typed);
  return value(typed, "for", parseDuration) ?? 2000;
}

function valuesOf(typed: Typed, name: "name" | "type"): string[] {
  return typed.options.filter((option) => option.name === name).map((option) => option.value!);
}

function parsePort(text: string): number | undefined {
  const port = parseCount(text);
  return port !== undefined && port <= 65535 ? port : undefined;
}
