/**
 * Options that name lists: patterns and paths, given one by one or in files. File names are bytes, so lists are read
 * as bytes; comments and blank lines are those of rsync.
 */

import { usageError } from "../base/errors.ts";
import { pathFromBytes, printablePath } from "../base/path_bytes.ts";
import type { FilterRule } from "../model/job.ts";
import type { Typed } from "./parse.ts";

/** What the options may read. Both throw what Deno throws. */
export interface Inputs {
  readFile(path: string): Uint8Array;
  readStandardInput(): Uint8Array;
}

/** All rules in the order typed; a file's rules stand where the file was named. */
export function readFilterRules(typed: Typed, inputs: Inputs): FilterRule[] {
  const rules: FilterRule[] = [];
  for (const { name, value } of typed.options) {
    switch (name) {
      case "exclude":
      case "include":
        if (value === "") throw usageError(`Option "--${name}" needs a pattern`);
        rules.push({ action: name, pattern: value! });
        break;
      case "exclude-from":
        for (const line of readLines(name, value!, inputs)) rules.push(ruleOf(line, "exclude"));
        break;
      case "include-from":
        for (const line of readLines(name, value!, inputs)) rules.push(ruleOf(line, "include"));
        break;
    }
  }
  return rules;
}

function ruleOf(line: string, action: FilterRule["action"]): FilterRule {
  if (line.startsWith("+ ")) return { action: "include", pattern: line.slice(2) };
  if (line.startsWith("- ")) return { action: "exclude", pattern: line.slice(2) };
  return { action, pattern: line };
}

/** The entries of --files-from as they stand there. A list with a NUL in it is separated by NUL and has no comments. */
export function readPathList(file: string, inputs: Inputs): string[] {
  const bytes = readBytes("files-from", file, inputs);
  return bytes.includes(0) ? splitBytes(bytes, 0) : splitLines(bytes);
}

function readLines(option: string, file: string, inputs: Inputs): string[] {
  return splitLines(readBytes(option, file, inputs));
}

function splitLines(bytes: Uint8Array): string[] {
  return splitBytes(bytes, 0x0a)
    .map((line) => line.endsWith("\r") ? line.slice(0, -1) : line)
    .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith(";"));
}

/** The non-empty pieces between separators. */
function splitBytes(bytes: Uint8Array, separator: number): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length;) {
    const found = bytes.indexOf(separator, from);
    const end = found === -1 ? bytes.length : found;
    if (end > from) pieces.push(pathFromBytes(bytes.subarray(from, end)));
    from = end + 1;
  }
  return pieces;
}

function readBytes(option: string, file: string, inputs: Inputs): Uint8Array {
  try {
    return file === "-" ? inputs.readStandardInput() : inputs.readFile(file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw usageError(`Cannot read "${printablePath(file)}" for "--${option}": ${reason}`);
  }
}
