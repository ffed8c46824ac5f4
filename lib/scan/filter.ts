/**
 * Which entries of a tree take part in a job: the rules of --include and --exclude, the list of --files-from, the
 * limits on size and age. Pure: no I/O, the start of the run is handed in.
 *
 * - Rules: the first one that matches decides, an entry that none matches takes part (as in rsync).
 * - List: a listed entry takes part, with its whole content if it is a directory, as far as the rules let it. The
 *   directories above it are entered whatever the rules say, since the list names them too (as in rsync).
 * - Limits apply to regular files only.
 *
 * Every question is asked from the top down: about an entry only after its directory took part. So a directory that does
 * not take part takes its whole subtree with it, and the root (".") is not asked about (it always takes part).
 */

import type { FilterOptions, FilterRule } from "../model/job.ts";
import { compileFileList, type FileList } from "./file_list.ts";
import { compilePattern, type PathMatcher } from "./pattern.ts";

export interface FileStat {
  /** Bytes. */
  readonly size: number;
  /** Since the epoch; may have a fraction. */
  readonly mtimeMs: number;
}

export interface Filter {
  /** Nothing can ever be hidden: the scan need not look at names at all. */
  readonly passesEverything: boolean;
  /** Size or mtime of regular files are needed to decide. */
  readonly needsStat: boolean;
  /** What --files-from names, normalised; undefined without that option. Entries that do not exist are the caller's to report. */
  readonly listed?: ReadonlySet<string>;
  /** False prunes the whole subtree. */
  includesDirectory(path: string): boolean;
  /** Everything but directories; `stat` for regular files where `needsStat`. The same as includesName and withinLimits. */
  includesFile(path: string, stat?: FileStat): boolean;
  /** Rules and list alone. */
  includesName(path: string, isDirectory: boolean): boolean;
  /** Limits on size and age alone. */
  withinLimits(stat: FileStat): boolean;
  /**
   * Whether an entry that only the destination has may be deleted in scope "subset": the rules let it through, and with
   * a list it is inside a listed directory. An entry that the rules hide is protected, so an extra directory goes only
   * if nothing below it is protected: ask for each entry below.
   *
   * Limits do not count here. They say what is transferred, not what exists (as rsync's --max-size): a source file that
   * only its size or age hides (`includesName` but not `withinLimits`) still has its name in the source, so the
   * destination's entry of that name is not an extra and stays.
   */
  mayDelete(path: string, isDirectory: boolean): boolean;
}

/**
 * `startMs`: start of the run, since the epoch; ages are taken against it.
 * Raises BlitError (usage) for a malformed pattern or a listed entry outside the root.
 */
export function compileFilter(options: FilterOptions, startMs: number): Filter {
  const passesRules = compileRules(options.rules);
  const withinLimits = compileLimits(options, startMs);
  const list = options.filesFrom === undefined ? undefined : compileFileList(options.filesFrom);
  const names = list === undefined ? undefined : listedNames(list, passesRules);
  const includesName = names?.includes ?? passesRules ?? (() => true);
  return {
    passesEverything: passesRules === undefined && withinLimits === undefined && list === undefined,
    needsStat: withinLimits !== undefined,
    listed: list?.entries,
    includesDirectory: (path) => includesName(path, true),
    includesFile: (path, stat) =>
      (stat === undefined || withinLimits === undefined || withinLimits(stat)) && includesName(path, false),
    includesName,
    withinLimits: withinLimits ?? (() => true),
    mayDelete: names?.mayDelete ?? includesName,
  };
}

type NameTest = (path: string, isDirectory: boolean) => boolean;

/** Undefined if no rule can hide anything. */
function compileRules(rules: readonly FilterRule[]): NameTest | undefined {
  const matchers: PathMatcher[] = rules.map((rule) => compilePattern(rule.pattern));
  // Includes after the last exclude change nothing.
  const count = rules.findLastIndex((rule) => rule.action === "exclude") + 1;
  if (count === 0) return undefined;
  return (path, isDirectory) => {
    const nameStart = path.lastIndexOf("/") + 1;
    for (let i = 0; i < count; i++) {
      if (matchers[i](path, nameStart, isDirectory)) return rules[i].action === "include";
    }
    return true;
  };
}

/** Undefined if there are none. A time in the future is an age below zero. */
function compileLimits(options: FilterOptions, startMs: number): ((stat: FileStat) => boolean) | undefined {
  const { minSize, maxSize, minAgeMs, maxAgeMs } = options;
  if ([minSize, maxSize, minAgeMs, maxAgeMs].every((limit) => limit === undefined)) return undefined;
  return ({ size, mtimeMs }) => {
    const ageMs = startMs - mtimeMs;
    return size >= (minSize ?? 0) && size <= (maxSize ?? Infinity) &&
      ageMs >= (minAgeMs ?? -Infinity) && ageMs <= (maxAgeMs ?? Infinity);
  };
}

function listedNames(list: FileList, passesRules: NameTest = () => true): { includes: NameTest; mayDelete: NameTest } {
  const { entries, parents } = list;

  /** Whether the directory takes part with all its content, not just as the way to a listed entry. */
  function isTakenWhole(directory: string): boolean {
    if (directory === ".") return entries.has(".");
    return passesRules(directory, true) && (entries.has(directory) || isTakenWhole(parentOf(directory)));
  }

  // Entries come directory by directory, so one answer is worth keeping.
  let lastParent = ".";
  let lastParentTakenWhole = isTakenWhole(".");
  function isInsideTakenWhole(path: string): boolean {
    const parent = parentOf(path);
    if (parent !== lastParent) {
      lastParentTakenWhole = isTakenWhole(parent);
      lastParent = parent;
    }
    return lastParentTakenWhole;
  }

  return {
    includes: (path, isDirectory) =>
      isDirectory && parents.has(path) ||
      passesRules(path, isDirectory) && (entries.has(path) || isInsideTakenWhole(path)),
    mayDelete: (path, isDirectory) => passesRules(path, isDirectory) && isInsideTakenWhole(path),
  };
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}
