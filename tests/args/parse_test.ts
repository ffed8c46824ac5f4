import { assertEquals, assertThrows } from "@std/assert";
import { flags } from "../../lib/args/flags.ts";
import { isGiven, lastValue, parseArguments } from "../../lib/args/parse.ts";
import { BlitError } from "../../lib/base/errors.ts";

interface Expected {
  readonly verb?: string;
  readonly operands?: string[];
  readonly options?: (string | [string, string])[];
}

const accepted: [name: string, words: string[], expected: Expected][] = [
  ["nothing", [], {}],
  ["a command alone", ["copy"], { verb: "copy" }],
  ["operands in order", ["copy", "a", "b", "c/"], { verb: "copy", operands: ["a", "b", "c/"] }],
  ["a long flag", ["copy", "--dry-run", "a", "b"], { verb: "copy", operands: ["a", "b"], options: ["dry-run"] }],
  ["flags behind operands", ["copy", "a", "b", "-n"], { verb: "copy", operands: ["a", "b"], options: ["dry-run"] }],
  ["flags before the command", ["--json", "copy", "a", "b"], {
    verb: "copy",
    operands: ["a", "b"],
    options: ["json"],
  }],
  ["short flags together", ["mirror", "-nyv", "a", "b"], {
    verb: "mirror",
    operands: ["a", "b"],
    options: ["dry-run", "yes", "verbose"],
  }],
  ["a value as the next word", ["copy", "--min-size", "1K", "a", "b"], {
    verb: "copy",
    operands: ["a", "b"],
    options: [["min-size", "1K"]],
  }],
  ["a value behind =", ["copy", "--min-size=1K"], { verb: "copy", options: [["min-size", "1K"]] }],
  ["an = inside the value", ["copy", "--exclude=a=b"], { verb: "copy", options: [["exclude", "a=b"]] }],
  ["an empty value", ["copy", "--exclude="], { verb: "copy", options: [["exclude", ""]] }],
  ["a value that looks like a flag", ["copy", "--exclude", "-n"], { verb: "copy", options: [["exclude", "-n"]] }],
  ["-- ends the flags", ["copy", "--", "-n", "--", "b"], { verb: "copy", operands: ["-n", "--", "b"] }],
  ["a value may be --", ["copy", "--exclude", "--", "a"], {
    verb: "copy",
    operands: ["a"],
    options: [["exclude", "--"]],
  }],
  ["- is an operand", ["copy", "-", "b"], { verb: "copy", operands: ["-", "b"] }],
  ["a command's name as an operand", ["copy", "mirror", "move"], { verb: "copy", operands: ["mirror", "move"] }],
  ["the order of include and exclude", ["copy", "--exclude", "a", "--include=b", "x", "--exclude", "c"], {
    verb: "copy",
    operands: ["x"],
    options: [["exclude", "a"], ["include", "b"], ["exclude", "c"]],
  }],
  ["help beside what would be wrong", ["copy", "--json", "--ndjson", "--help"], {
    verb: "copy",
    options: ["json", "ndjson", "help"],
  }],
  ["names that are not UTF-8", ["copy", "a\udcff", "b"], { verb: "copy", operands: ["a\udcff", "b"] }],
];

for (const [name, words, { verb, operands = [], options = [] }] of accepted) {
  Deno.test(`parse: ${name}`, () => {
    const typed = parseArguments(words);
    assertEquals(typed.verb?.name, verb);
    assertEquals(typed.operands, operands);
    assertEquals(typed.options.map(({ name, value }) => value === undefined ? name : [name, value]), options);
  });
}

const refused: [name: string, words: string[], message: string, hint?: string][] = [
  ["an unknown command", ["frobnicate"], 'Unknown command "frobnicate"', "Run `blit help` for the list."],
  ["a misspelt command", ["miror", "a", "b"], 'Unknown command "miror"', 'Did you mean "mirror"?'],
  ["another program's command", ["sync", "a", "b"], 'Unknown command "sync"', 'Did you mean "mirror"?'],
  ["another program's command, misspelt", ["snyc"], 'Unknown command "snyc"', 'Did you mean "mirror"?'],
  [
    "an unknown option",
    ["copy", "--frobnicate"],
    'Unknown option "--frobnicate"',
    "Run `blit copy --help` for the list.",
  ],
  ["a misspelt option", ["copy", "--dryrun"], 'Unknown option "--dryrun"', 'Did you mean "--dry-run"?'],
  ["the beginning of an option", ["copy", "--verif"], 'Unknown option "--verif"', 'Did you mean "--verify"?'],
  ["a misspelt option with a value", ["copy", "--exlude=x"], 'Unknown option "--exlude"', 'Did you mean "--exclude"?'],
  [
    "a hidden option, misspelt",
    ["copy", "--worker", "2"],
    'Unknown option "--worker"',
    "Run `blit copy --help` for the list.",
  ],
  ["an unknown letter", ["copy", "-nZ"], 'Unknown option "-Z"', "Run `blit copy --help` for the list."],
  [
    "rsync's -a",
    ["copy", "-avn"],
    'Unknown option "-a"',
    "Leave it out: whole trees are copied, and everything is kept.",
  ],
  [
    "cp's -r where nothing is copied",
    ["rm", "-rf", "h:/m"],
    'Unknown option "-r"',
    "Run `blit rm --help` for the list.",
  ],
  ["a long option with one dash", ["find", "h:/m", "-name", "x"], 'Unknown option "-name"', 'Did you mean "--name"?'],
  ["rsync's --delete", ["copy", "--delete"], 'Unknown option "--delete"', "Use `blit mirror`."],
  ["an unknown option without a command", ["--nosuch"], 'Unknown option "--nosuch"', "Run `blit help`."],
  ["a value that is missing", ["copy", "--exclude"], 'Option "--exclude" needs a value: --exclude PATTERN'],
  ["a value where none belongs", ["copy", "--dry-run=yes"], 'Option "--dry-run" takes no value'],
  [
    "an option of another command",
    ["copy", "--max-delete", "3", "a", "b"],
    '`blit copy` takes no "--max-delete"',
    "It belongs to `blit mirror`.",
  ],
  [
    "an option of another command before the command",
    ["--null", "mirror"],
    '`blit mirror` takes no "--null"',
    "It belongs to `blit copy`.",
  ],
  ["an escape sequence in a command", ["a\x1b[2J"], 'Unknown command "a\\x1b[2J"', "Run `blit help` for the list."],
];

for (const [name, words, message, hint] of refused) {
  Deno.test(`parse refuses ${name}`, () => {
    const error = assertThrows(() => parseArguments(words), BlitError);
    assertEquals(error.code, "usage");
    assertEquals(error.message, message);
    assertEquals(error.hint, hint);
  });
}

for (const flag of flags) {
  for (const other of flag.conflicts ?? []) {
    Deno.test(`parse refuses --${flag.name} together with --${other}, in either order`, () => {
      const verb = flag.verbs.find((name) => flags.find((row) => row.name === other)!.verbs.includes(name))!;
      const spelled = [flag.name, other].map((name) => {
        const row = flags.find((candidate) => candidate.name === name)!;
        return row.value === undefined ? `--${name}` : `--${name}=1`;
      });
      for (const words of [spelled, spelled.toReversed()]) {
        const error = assertThrows(() => parseArguments([verb, "a", "b", ...words]), BlitError);
        assertEquals(error.message, `"--${flag.name}" and "--${other}" exclude each other`);
      }
    });
  }
}

Deno.test("the last value wins, and flags may be repeated", () => {
  const typed = parseArguments(["copy", "-vv", "--min-size", "1", "--min-size=2", "--verbose"]);
  assertEquals(lastValue(typed, "min-size"), "2");
  assertEquals(lastValue(typed, "max-size"), undefined);
  assertEquals([isGiven(typed, "verbose"), isGiven(typed, "quiet")], [true, false]);
});
