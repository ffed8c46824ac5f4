/** Help texts, made from the tables and at most 80 columns wide. Each ends with a newline. */

import { type Flag, flagGroups, flagsOf } from "./flags.ts";
import { type VerbRow, verbs } from "./verbs.ts";

const columns = 80;
/** Where the explanation of an option begins. */
const optionColumn = 28;

/** `blit help` */
export function generalHelp(): string {
  const shown = verbs.filter((verb) => !verb.hidden);
  const widest = Math.max(...shown.map((verb) => verb.name.length));
  return [
    "blit - copy, mirror and move file trees, fast and without losing a byte",
    "",
    "Usage: blit COMMAND [OPTIONS] OPERANDS",
    "",
    "Commands:",
    ...shown.map((verb) => `  ${verb.name.padEnd(widest)}  ${verb.summary}`),
    "",
    "`blit COMMAND --help` shows the options of a command.",
    "",
    "Exit codes:",
    "    0  all done",
    "    1  the job could not be done",
    "    2  finished, but some files failed, each named; or `check` found differences",
    "   64  wrong usage, nothing was touched",
    "  130  interrupted; the same command continues",
    "",
  ].join("\n");
}

/** What `blit` alone prints. */
export function shortUsage(): string {
  return [
    "Usage: blit copy|mirror|move|check [OPTIONS] SRC DST",
    "`blit help` says more.",
    "",
  ].join("\n");
}

/** `blit VERB --help` */
export function verbHelp(verb: VerbRow): string {
  const lines = [`blit ${verb.name} - ${verb.summary}`, "", usageLine(verb), ""];
  for (const paragraph of verb.details) lines.push(...wrap(paragraph, columns), "");
  const flags = flagsOf(verb.name).filter((flag) => !flag.hidden);
  for (const [group, heading] of flagGroups) {
    const members = flags.filter((flag) => flag.group === group);
    if (members.length === 0) continue;
    lines.push(`${heading}:`, ...members.flatMap(optionLines), "");
  }
  if (verb.completes === "paths") lines.push(...legend, "");
  lines.push("Examples:", ...verb.examples.map((example) => `  ${example}`), "");
  return lines.join("\n");
}

const legend = [
  "Listed changes:",
  "  +  new (check: missing in DST)      .  only times, mode, owner or attributes",
  "  ~  content replaced (differs)       -  deleted (only in DST)",
  "  h  made a hard link",
  "  Directories end in a slash. A byte of a name that is not UTF-8 shows as \\xNN.",
];

function usageLine(verb: VerbRow): string {
  const options = flagsOf(verb.name).some((flag) => flag.group !== "general") ? "[OPTIONS] " : "";
  return `Usage: blit ${verb.name} ${options}${verb.operands}`.trimEnd();
}

/** "-n, --dry-run" or "    --max-delete N". */
export function optionSpelling(flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `${short}--${flag.name}${flag.label === undefined ? "" : ` ${flag.label}`}`;
}

function optionLines(flag: Flag): string[] {
  const text = flag.default === undefined ? flag.help : `${flag.help} (default: ${flag.default})`;
  const explanation = wrap(text, columns - optionColumn);
  const spelling = `  ${optionSpelling(flag)}`;
  const indent = " ".repeat(optionColumn);
  if (spelling.length + 2 > optionColumn) return [spelling, ...explanation.map((line) => indent + line)];
  return explanation.map((line, index) => (index === 0 ? spelling.padEnd(optionColumn) : indent) + line);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
