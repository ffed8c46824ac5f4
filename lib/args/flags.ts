/**
 * The flag table. Parser, help and completions derive from it, and nothing else knows how a flag is spelt.
 *
 * A flag has one meaning in all commands. The file is long because the table is.
 */

import type { VerbName } from "./verbs.ts";

/** What a value may be; decides its parser and what the shell completes. */
export type ValueKind =
  | "size"
  | "rate"
  | "age"
  | "time"
  | "count"
  | "file"
  | "directory"
  | "pattern"
  | "address"
  | "choice";

export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** One letter, without the dash. Only flags without a value have one. */
  readonly short?: string;
  readonly value?: ValueKind;
  /** How the help names the value. */
  readonly label?: string;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** May be given several times, and each counts; otherwise the last one wins. */
  readonly repeats?: boolean;
  readonly verbs: readonly VerbName[];
  readonly group: FlagGroup;
  /** Neither in help nor in completions. */
  readonly hidden?: boolean;
  /** Names of flags further up in the table that contradict this one. */
  readonly conflicts?: readonly string[];
  readonly help: string;
}

export type FlagGroup =
  | "daemon"
  | "history"
  | "what"
  | "compare"
  | "delete"
  | "safety"
  | "network"
  | "output"
  | "general";

/** Groups in the order of the help, with their headings. */
export const flagGroups: readonly (readonly [FlagGroup, string])[] = [
  ["daemon", "What is exported and where"],
  ["history", "What is recorded"],
  ["what", "What takes part"],
  ["compare", "What counts as unchanged"],
  ["delete", "Deleting and replacing"],
  ["safety", "How it is done"],
  ["network", "Between machines"],
  ["output", "Output"],
  ["general", "General"],
];

const transfers = ["copy", "mirror", "move"] as const;
export const jobs = [...transfers, "check"] as const;
const questions = ["modules", "ls", "find", "du", "df", "scan", "jobs"] as const;
/** They ask one daemon. */
const askers = ["modules", "ls", "find", "du", "df", "rm", "jobs"] as const;
const tuning = ["diagnostics", "profile"] as const;
const others = ["rm", ...tuning, "complete-path", "completions", "help", "version"] as const;
const all = [...jobs, "daemon", ...questions, ...others] as const;

const table = [
  {
    name: "config",
    value: "file",
    label: "FILE",
    verbs: ["daemon"],
    group: "daemon",
    help: "read the configuration from FILE (without this and --root: /etc/blit/daemon.toml)",
  },
  {
    name: "root",
    value: "directory",
    label: "DIR",
    verbs: ["daemon"],
    group: "daemon",
    help: 'export DIR, for reading and writing, as the module "default"',
  },
  {
    name: "privileged",
    verbs: ["daemon"],
    group: "daemon",
    help: "with --root: clients may place set-id programs, device nodes and security attributes",
  },
  {
    name: "bind",
    value: "address",
    label: "ADDRESS",
    verbs: ["daemon"],
    group: "daemon",
    help: "listen on this address only",
  },
  {
    name: "port",
    value: "count",
    label: "N",
    default: "9031",
    verbs: ["daemon"],
    group: "daemon",
    help: "listen on this port; 0 takes a free one",
  },
  {
    name: "no-mdns",
    verbs: ["daemon"],
    group: "daemon",
    help: "do not announce the daemon on the local network",
  },
  { name: "enable", verbs: ["diagnostics"], group: "history", help: "record runs from now on" },
  {
    name: "disable",
    verbs: ["diagnostics"],
    group: "history",
    conflicts: ["enable"],
    help: "record no more runs; what is there stays, and is not used",
  },
  {
    name: "clear",
    verbs: ["diagnostics"],
    group: "history",
    help: "forget all runs and what was learnt from them",
  },
  {
    name: "name",
    value: "pattern",
    label: "PATTERN",
    repeats: true,
    verbs: ["find"],
    group: "what",
    help:
      "only what has a name like PATTERN: * is anything, ? one character, [a-z] one of a set; given several times, " +
      "any of them",
  },
  {
    name: "type",
    value: "choice",
    choices: ["file", "directory", "symlink", "other"],
    label: "KIND",
    repeats: true,
    verbs: ["find"],
    group: "what",
    help: "only entries of that kind; given several times, of any of them",
  },
  {
    name: "max-depth",
    value: "count",
    label: "N",
    verbs: ["find", "du"],
    group: "what",
    help: "name nothing more than N levels down (du counts it all the same)",
  },
  {
    name: "exclude",
    value: "pattern",
    label: "PATTERN",
    repeats: true,
    verbs: jobs,
    group: "what",
    help: "leave out what matches; the first matching --exclude or --include decides. Patterns are rsync's: " +
      "*.o, /top, dir/, a/**/b; an excluded directory is not entered",
  },
  {
    name: "include",
    value: "pattern",
    label: "PATTERN",
    repeats: true,
    verbs: jobs,
    group: "what",
    help: "take what matches, even if a later --exclude matches too",
  },
  {
    name: "exclude-from",
    value: "file",
    label: "FILE",
    repeats: true,
    verbs: jobs,
    group: "what",
    help: 'read patterns to exclude, one per line ("-" for standard input); lines with # or ; are comments, a line ' +
      'that begins with "+ " includes',
  },
  {
    name: "include-from",
    value: "file",
    label: "FILE",
    repeats: true,
    verbs: jobs,
    group: "what",
    help: 'read patterns to include; a line that begins with "- " excludes',
  },
  {
    name: "files-from",
    value: "file",
    label: "FILE",
    verbs: jobs,
    group: "what",
    help: 'take only the paths listed in FILE ("-" for standard input), relative to the source; one per line (lines ' +
      "with # or ; are comments) or separated by NUL (find -print0)",
  },
  {
    name: "one-file-system",
    short: "x",
    verbs: jobs,
    group: "what",
    help:
      "stay on the file system of each SRC: a directory where another one is mounted is copied empty (move leaves it where " +
      "it is), and mirror deletes nothing where another one is mounted in DST. A btrfs subvolume counts as another one, a " +
      "bind mount of the same one does not",
  },
  {
    name: "min-size",
    value: "size",
    label: "SIZE",
    verbs: [...jobs, "find"],
    group: "what",
    help: "leave out smaller files; 1K, 10M, 1GiB are powers of 1024, 1KB, 10MB powers of 1000",
  },
  {
    name: "max-size",
    value: "size",
    label: "SIZE",
    verbs: [...jobs, "find"],
    group: "what",
    help: "leave out larger files",
  },
  {
    name: "min-age",
    value: "age",
    label: "AGE",
    verbs: jobs,
    group: "what",
    help: "leave out files modified more recently than AGE ago: 30s, 10m, 2h, 7d, 4w, 1y",
  },
  {
    name: "max-age",
    value: "age",
    label: "AGE",
    verbs: jobs,
    group: "what",
    help: "leave out files modified longer than AGE ago",
  },
  {
    name: "checksum",
    short: "c",
    verbs: jobs,
    group: "compare",
    help: "compare contents instead of size and modification time",
  },
  {
    name: "size-only",
    verbs: jobs,
    group: "compare",
    conflicts: ["checksum"],
    help: "files of equal size are unchanged",
  },
  {
    name: "ignore-times",
    short: "I",
    verbs: transfers,
    group: "compare",
    conflicts: ["checksum", "size-only"],
    help: "no file is unchanged: copy all",
  },
  {
    name: "ignore-existing",
    verbs: transfers,
    group: "compare",
    help: "leave alone whatever exists in the destination",
  },
  {
    name: "one-way",
    verbs: ["check"],
    group: "compare",
    help: "what only the destination has is no difference",
  },
  {
    name: "max-delete",
    value: "count",
    label: "N",
    verbs: ["mirror"],
    group: "delete",
    help: "delete nothing at all if more than N entries would go",
  },
  {
    name: "delete-scope",
    value: "choice",
    choices: ["subset", "all"],
    label: "SCOPE",
    default: "subset",
    verbs: ["mirror"],
    group: "delete",
    help: "subset: delete only what the filters let through; all: also what they leave out",
  },
  {
    name: "backup-dir",
    value: "directory",
    label: "DIR",
    verbs: transfers,
    group: "delete",
    help: "keep what is replaced or deleted below DIR; nothing there is overwritten: later ones are NAME.~1~, NAME.~2~",
  },
  {
    name: "yes",
    short: "y",
    verbs: [...transfers, "rm"],
    group: "delete",
    help: "answer every question with yes",
  },
  {
    name: "dry-run",
    short: "n",
    verbs: transfers,
    group: "safety",
    help: "change nothing, list what would be done; files are opened, not read",
  },
  {
    name: "verify",
    verbs: transfers,
    group: "safety",
    help: "hash while copying, read the copy back and compare",
  },
  { name: "fsync", verbs: transfers, group: "safety", help: "return only when everything is on the medium" },
  {
    name: "force-space",
    verbs: transfers,
    group: "safety",
    help:
      "begin even where what is known to be needed is more than DST has free; without it such a run stops before the disk " +
      "is full, with exit code 1",
  },
  {
    name: "bwlimit",
    value: "rate",
    label: "RATE",
    verbs: jobs,
    group: "safety",
    help: "at most RATE bytes per second, with its unit: 500K, 10M, 1.5GiB, 20MB; 0 for no limit",
  },
  {
    name: "null",
    verbs: ["copy"],
    group: "safety",
    conflicts: ["dry-run", "verify", "fsync", "backup-dir", "ignore-existing"],
    help: "read everything and write nothing, to see how fast a local source is; DST may be left out with one SRC",
  },
  {
    name: "workers",
    value: "count",
    label: "N",
    verbs: jobs,
    group: "safety",
    hidden: true,
    help: "use N threads (for debugging)",
  },
  {
    name: "plaid",
    verbs: jobs,
    group: "safety",
    conflicts: ["workers"],
    help: "every thread and the largest buffers; unstable, may overheat SSDs. Nothing is learnt from such a run",
  },
  {
    name: "stall-timeout",
    value: "time",
    label: "SECONDS",
    default: "10; 60 between machines",
    verbs: [...jobs, ...askers],
    group: "safety",
    help:
      "give up when nothing has moved for so long, or another machine has said nothing; 0 for never. Between machines " +
      "the job is then begun anew as --retry says",
  },
  {
    name: "retry",
    value: "count",
    label: "N",
    default: "3",
    verbs: jobs,
    group: "network",
    help: "begin anew up to N times when the connection breaks; what has arrived is not sent again",
  },
  {
    name: "wait",
    value: "time",
    label: "SECONDS",
    default: "5",
    verbs: jobs,
    group: "network",
    help: "before the first new attempt; each further one waits twice as long",
  },
  {
    name: "resume",
    verbs: jobs,
    group: "safety",
    help:
      "keep what is there of a large file when the run breaks off; the next one writes, or sends, only what is missing",
  },
  {
    name: "force-inline",
    verbs: jobs,
    group: "network",
    help: "send content inside the control channel, through one port; slower",
  },
  {
    name: "congestion",
    value: "choice",
    label: "WHICH",
    choices: ["bbr", "cubic", "reno"],
    verbs: jobs,
    group: "network",
    help: "congestion control of the connections that carry content, where the system has it",
  },
  {
    name: "detach",
    verbs: transfers,
    group: "network",
    help: "between two daemons: begin the job, do not wait for its end (`blit jobs` shows it)",
  },
  {
    name: "ludicrous-speed",
    verbs: jobs,
    group: "safety",
    hidden: true,
    help: "does nothing (deprecated)",
  },
  {
    name: "for",
    value: "time",
    label: "TIME",
    default: "2s",
    verbs: ["scan"],
    group: "safety",
    help: "how long to listen for daemons: 500ms, 5s",
  },
  {
    name: "long",
    short: "l",
    verbs: ["ls", "find"],
    group: "output",
    help: "also show mode, owner, size and time",
  },
  {
    name: "verbose",
    short: "v",
    verbs: jobs,
    group: "output",
    help: "list every change, and what was decided and why",
  },
  {
    name: "quiet",
    short: "q",
    verbs: jobs,
    group: "output",
    conflicts: ["verbose"],
    help: "print failures only",
  },
  {
    name: "progress",
    verbs: jobs,
    group: "output",
    conflicts: ["quiet"],
    help: "show progress even where standard error is no terminal (a line every 10 seconds)",
  },
  { name: "no-progress", verbs: jobs, group: "output", help: "do not show progress" },
  {
    name: "stats",
    verbs: jobs,
    group: "output",
    conflicts: ["quiet"],
    help: "more figures at the end, and on a terminal what disks and network do meanwhile",
  },
  {
    name: "json",
    verbs: [...jobs, ...questions, "rm", ...tuning],
    group: "output",
    help:
      "print the result as one JSON object: the summary, with --dry-run, -v, or for check also the list of changes; " +
      "or what was asked for. A byte of a name that is not UTF-8 is written as \\udcXX (PEP 383), XX being the byte",
  },
  {
    name: "ndjson",
    verbs: jobs,
    group: "output",
    conflicts: ["json"],
    help: 'print each event as a line of JSON, the last one of type "summary"',
  },
  { name: "help", short: "h", verbs: all, group: "general", help: "show this help" },
  { name: "version", short: "V", verbs: all, group: "general", help: "print version and commit" },
] as const satisfies readonly Flag[];

export type FlagName = typeof table[number]["name"];
export type FlagRow = Flag & { readonly name: FlagName };

export const flags: readonly FlagRow[] = table;

export function flagsOf(verb: VerbName): readonly FlagRow[] {
  return flags.filter((flag) => flag.verbs.includes(verb));
}

export function findFlag(name: string): FlagRow | undefined {
  return flags.find((flag) => flag.name === name);
}

export function findShortFlag(letter: string): FlagRow | undefined {
  return flags.find((flag) => flag.short === letter);
}
