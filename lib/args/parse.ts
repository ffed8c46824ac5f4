/**
 * From words to what was typed: which command, which options in which order, which operands. Pure.
 *
 * Options may stand before and after operands; `--` ends them. A value is the next word or follows `=`. Knows only
 * the tables; what a value means is `resolve.ts`'s business. Everything wrong raises a usage error of one line.
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { findFlag, findShortFlag, type FlagName, type FlagRow, flags, flagsOf, jobs } from "./flags.ts";
import { adviceForHabit, nearest } from "./suggest.ts";
import { findVerb, type VerbRow, verbs } from "./verbs.ts";

export interface TypedOption {
  readonly name: FlagName;
  /** Present exactly if the flag takes a value. */
  readonly value?: string;
}

export interface Typed {
  /** Undefined when no word names a command. */
  readonly verb?: VerbRow;
  readonly options: readonly TypedOption[];
  readonly operands: readonly string[];
}

/** Raises a usage error for an unknown command or option, a missing value, or options that exclude each other. */
export function parseArguments(words: readonly string[]): Typed {
  const options: TypedOption[] = [];
  const operands: string[] = [];
  let verb: VerbRow | undefined;
  let optionsEnded = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (optionsEnded || word === "-" || !word.startsWith("-")) {
      if (verb === undefined) verb = verbOf(word);
      else operands.push(word);
    } else if (word === "--") {
      optionsEnded = true;
    } else if (!word.startsWith("--")) {
      for (const letter of word.slice(1)) options.push({ name: shortFlagOf(letter, verb, word).name });
    } else {
      const [spelled, attached] = splitAtEquals(word);
      const flag = longFlagOf(spelled, verb);
      if (flag.value === undefined) {
        if (attached !== undefined) throw usageError(`Option "${spelled}" takes no value`);
        options.push({ name: flag.name });
      } else {
        const value = attached ?? words[++at];
        if (value === undefined) throw usageError(`Option "${spelled}" needs a value: ${spelled} ${flag.label}`);
        options.push({ name: flag.name, value });
      }
    }
  }
  const typed = { verb, options, operands };
  if (!isGiven(typed, "help") && !isGiven(typed, "version")) checkTogether(typed);
  return typed;
}

export function isGiven(typed: Typed, name: FlagName): boolean {
  return typed.options.some((option) => option.name === name);
}

/** The value of the last occurrence. */
export function lastValue(typed: Typed, name: FlagName): string | undefined {
  return typed.options.findLast((option) => option.name === name)?.value;
}

function splitAtEquals(word: string): [spelled: string, value: string | undefined] {
  const equals = word.indexOf("=");
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function verbOf(word: string): VerbRow {
  const verb = findVerb(word);
  if (verb !== undefined) return verb;
  const names = verbs.filter(({ hidden }) => !hidden).flatMap(({ name, alsoKnownAs }) => [name, ...alsoKnownAs]);
  const alike = nearest(word, names);
  const meant = verbs.find(({ name, alsoKnownAs }) => name === alike || alsoKnownAs.includes(alike ?? ""));
  const hint = meant === undefined ? "Run `blit help` for the list." : `Did you mean "${meant.name}"?`;
  throw usageError(`Unknown command "${printablePath(word)}"`, hint);
}

function longFlagOf(spelled: string, verb: VerbRow | undefined): FlagRow {
  return findFlag(spelled.slice(2)) ?? unknownOption(spelled, verb);
}

/** `word`: which the letter is part of. */
function shortFlagOf(letter: string, verb: VerbRow | undefined, word: string): FlagRow {
  const flag = findShortFlag(letter);
  if (flag === undefined && verb !== undefined && flagsOf(verb.name).some(({ name }) => name === word.slice(1))) {
    throw usageError(`Unknown option "${printablePath(word)}"`, `Did you mean "-${printablePath(word)}"?`);
  }
  const foreign = verb !== undefined && flag !== undefined && !flag.verbs.includes(verb.name);
  // What another program means by the letter helps more than what another command does.
  if (flag === undefined || (foreign && adviceForHabit(`-${letter}`) !== undefined)) unknownOption(`-${letter}`, verb);
  return flag;
}

function unknownOption(spelled: string, verb: VerbRow | undefined): never {
  const message = `Unknown option "${printablePath(spelled)}"`;
  const advice = verb === undefined || isJob(verb) ? adviceForHabit(spelled) : undefined;
  if (advice !== undefined) throw usageError(message, `${advice[0].toUpperCase()}${advice.slice(1)}.`);
  const candidates = (verb === undefined ? flags : flagsOf(verb.name)).filter((flag) => !flag.hidden);
  const alike = spelled.startsWith("--") ? nearest(spelled.slice(2), candidates.map((flag) => flag.name)) : undefined;
  if (alike !== undefined) throw usageError(message, `Did you mean "--${alike}"?`);
  throw usageError(message, verb === undefined ? "Run `blit help`." : `Run \`blit ${verb.name} --help\` for the list.`);
}

/** What users of other programs are used to are options for copying. */
function isJob({ name }: VerbRow): boolean {
  return (jobs as readonly string[]).includes(name);
}

/** Raises a usage error where an option does not belong to the command or contradicts another one. */
function checkTogether(typed: Typed): void {
  const { verb } = typed;
  for (const option of typed.options) {
    const flag = findFlag(option.name)!;
    if (verb !== undefined && !flag.verbs.includes(verb.name)) {
      const owners = flag.verbs.map((name) => `\`blit ${name}\``);
      throw usageError(`\`blit ${verb.name}\` takes no "--${flag.name}"`, `It belongs to ${owners.join(", ")}.`);
    }
    const opposed = flag.conflicts?.find((name) => typed.options.some((other) => other.name === name));
    if (opposed !== undefined) throw usageError(`"--${flag.name}" and "--${opposed}" exclude each other`);
  }
}
