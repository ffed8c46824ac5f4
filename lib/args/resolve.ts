/**
 * From what was typed to what it means: a Job, and how its course is to be shown. Reads the files that options name
 * (--files-from and the like) through `Inputs` and touches nothing else. Whatever is wrong raises a usage error.
 */

import { namesMachine } from "../base/path_parts.ts";
import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { parseCount, parseDuration, parseRate, parseSize } from "../base/units.ts";
import {
  type CompareMode,
  defaultNetwork,
  type FilterOptions,
  type Job,
  type NetworkOptions,
  type Verb,
} from "../model/job.ts";
import { findFlag, type FlagName } from "./flags.ts";
import { type Inputs, readFilterRules, readPathList } from "./lists.ts";
import { isGiven, lastValue, type Typed } from "./parse.ts";

export interface OutputOptions {
  readonly format: "text" | "json" | "ndjson";
  readonly quiet: boolean;
  /** Changes and decisions (-v). */
  readonly verbose: boolean;
  /** Undefined: where standard error is a terminal. */
  readonly progress?: boolean;
  readonly stats: boolean;
}

export interface Request {
  readonly job: Job;
  readonly output: OutputOptions;
  readonly assumeYes: boolean;
  /** Lines to be said on standard error before anything else. */
  readonly remarks: readonly string[];
}

/** A disk that wakes up takes 5 to 8 seconds. */
const stallTimeoutMs = { here: 10_000, betweenMachines: 60_000 };

/** Makes the Job of `blit copy`, `mirror`, `move` or `check`. */
export function resolveJob(verb: Verb, typed: Typed, inputs: Inputs): Request {
  checkChoices(typed);
  checkStandardInput(typed);
  const output = outputOf(typed);
  const discard = isGiven(typed, "null");
  const { sources, destination } = operandsOf(verb, typed.operands, discard);
  const filter = filterOf(typed, inputs);
  if (filter.filesFrom !== undefined && sources.length > 1) {
    throw usageError(`"--files-from" needs exactly one source, ${sources.length} were given`);
  }
  const dryRun = isGiven(typed, "dry-run");
  const itemize = output.format === "ndjson" || output.verbose ||
    ((dryRun || verb === "check") && (output.format === "json" || !output.quiet));
  const between = [...sources, destination ?? ""].some((path) => namesMachine(path));
  const job: Job = {
    verb,
    sources,
    destination,
    dryRun,
    compare: compareOf(typed),
    ignoreExisting: isGiven(typed, "ignore-existing"),
    oneFileSystem: isGiven(typed, "one-file-system"),
    filter,
    deletion: {
      scope: lastValue(typed, "delete-scope") === "all" ? "all" : "subset",
      max: value(typed, "max-delete", parseCount),
    },
    backupDir: directoryOf(typed, "backup-dir"),
    bandwidthLimit: value(typed, "bwlimit", parseRate) ?? 0,
    fsync: isGiven(typed, "fsync"),
    verify: isGiven(typed, "verify"),
    forceSpace: isGiven(typed, "force-space"),
    discard,
    oneWay: isGiven(typed, "one-way"),
    workers: value(typed, "workers", parseCount) ?? 0,
    plaid: isGiven(typed, "plaid"),
    stallTimeoutMs: patienceOf(typed) ?? stallTimeoutMs[between ? "betweenMachines" : "here"],
    itemize,
    network: networkOf(typed),
  };
  return { job, output, assumeYes: isGiven(typed, "yes"), remarks: remarksOf(typed, job) };
}

/** --stall-timeout; undefined where it is not given. */
export function patienceOf(typed: Typed): number | undefined {
  const ms = value(typed, "stall-timeout", parseDuration);
  return ms === 0 ? Infinity : ms;
}

function networkOf(typed: Typed): NetworkOptions {
  return {
    congestion: (lastValue(typed, "congestion") ?? defaultNetwork.congestion) as NetworkOptions["congestion"],
    forceInline: isGiven(typed, "force-inline"),
    retries: value(typed, "retry", parseCount) ?? defaultNetwork.retries,
    waitMs: value(typed, "wait", parseDuration) ?? defaultNetwork.waitMs,
    resume: isGiven(typed, "resume"),
    detach: isGiven(typed, "detach"),
  };
}

function operandsOf(
  verb: Verb,
  operands: readonly string[],
  discard: boolean,
): { sources: readonly string[]; destination?: string } {
  if (operands.includes("")) throw usageError("A path is empty");
  if (discard && operands.length === 1) return { sources: operands };
  if (operands.length === 0) throw usageError(`\`blit ${verb}\` needs a source and a destination`);
  if (operands.length === 1) {
    throw usageError(`\`blit ${verb}\` needs a destination behind "${printablePath(operands[0])}"`);
  }
  const manySources = verb === "copy" || verb === "move";
  if (!manySources && operands.length > 2) {
    throw usageError(`\`blit ${verb}\` takes one source and one destination, ${operands.length} paths were given`);
  }
  return { sources: operands.slice(0, -1), destination: operands.at(-1) };
}

function outputOf(typed: Typed): OutputOptions {
  const progress = typed.options.findLast((option) => option.name === "progress" || option.name === "no-progress");
  return {
    format: isGiven(typed, "ndjson") ? "ndjson" : isGiven(typed, "json") ? "json" : "text",
    quiet: isGiven(typed, "quiet"),
    verbose: isGiven(typed, "verbose"),
    progress: progress === undefined ? undefined : progress.name === "progress",
    stats: isGiven(typed, "stats"),
  };
}

function compareOf(typed: Typed): CompareMode {
  if (isGiven(typed, "checksum")) return "checksum";
  if (isGiven(typed, "size-only")) return "size";
  return isGiven(typed, "ignore-times") ? "always" : "quick";
}

function filterOf(typed: Typed, inputs: Inputs): FilterOptions {
  const minSize = value(typed, "min-size", parseSize);
  const maxSize = value(typed, "max-size", parseSize);
  const minAgeMs = value(typed, "min-age", parseDuration);
  const maxAgeMs = value(typed, "max-age", parseDuration);
  checkOrder("size", minSize, maxSize);
  checkOrder("age", minAgeMs, maxAgeMs);
  const list = lastValue(typed, "files-from");
  return {
    rules: readFilterRules(typed, inputs),
    filesFrom: list === undefined ? undefined : readPathList(list, inputs),
    minSize,
    maxSize,
    minAgeMs,
    maxAgeMs,
  };
}

function checkOrder(what: string, least: number | undefined, most: number | undefined): void {
  if (least !== undefined && most !== undefined && least > most) {
    throw usageError(`"--min-${what}" is above "--max-${what}", so nothing would be left`);
  }
}

const expected: Readonly<Record<string, string>> = {
  size: "a size such as 512, 10K, 1.5GiB",
  rate: "a rate with its unit such as 500K, 10M, 1.5GiB, or 0 for no limit",
  age: "an age such as 30s, 10m, 2h, 7d, 4w",
  time: "a time such as 500ms, 2s, 1m",
  count: "a whole number",
};

const expectedOf: Partial<Record<FlagName, string>> = { port: "a whole number from 0 to 65535" };

/** The parsed value of the last occurrence; a value that `parse` refuses raises a usage error naming option and value. */
export function value<T>(typed: Typed, name: FlagName, parse: (text: string) => T | undefined): T | undefined {
  const text = lastValue(typed, name);
  if (text === undefined) return undefined;
  const parsed = parse(text);
  if (parsed !== undefined) return parsed;
  const what = expectedOf[name] ?? expected[findFlag(name)!.value!];
  throw usageError(`Option "--${name}" needs ${what}, not "${printablePath(text)}"`);
}

function directoryOf(typed: Typed, name: FlagName): string | undefined {
  const path = lastValue(typed, name);
  if (path === "") throw usageError(`Option "--${name}" needs a path`);
  return path;
}

export function checkChoices(typed: Typed): void {
  for (const option of typed.options) {
    const choices = findFlag(option.name)!.choices;
    if (choices === undefined || choices.includes(option.value!)) continue;
    throw usageError(
      `Option "--${option.name}" needs ${choices.map((choice) => `"${choice}"`).join(" or ")}, ` +
        `not "${printablePath(option.value!)}"`,
    );
  }
}

/** A second reader of standard input would find it empty, and an empty list means something. */
function checkStandardInput(typed: Typed): void {
  const readers = typed.options.filter((option) => findFlag(option.name)!.value === "file" && option.value === "-");
  if (readers.length > 1) throw usageError("Only one option can read standard input");
}

function remarksOf(typed: Typed, job: Job): string[] {
  const remarks: string[] = [];
  if (job.workers > 0) remarks.push("[DEBUG] Worker limiter active");
  if (job.plaid) remarks.push("blit: --plaid is unstable and may overheat SSDs");
  if (isGiven(typed, "ludicrous-speed")) remarks.push("blit: --ludicrous-speed is deprecated and does nothing");
  return remarks;
}
