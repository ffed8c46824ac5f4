/**
 * The verb table: every command, what stands behind it on the command line, and what its help says. A new command is
 * a row here, its flags in `flags.ts`, and one file in `lib/command/`.
 */

export interface Verb {
  readonly name: string;
  /** One line for the general help and the completions. */
  readonly summary: string;
  /** The words behind the command, as the usage line shows them. */
  readonly operands: string;
  /** What a shell offers for them. */
  readonly completes: "paths" | "remote" | "shells" | "verbs" | "topics" | "nothing";
  /** Paragraphs of the help, below the usage line. */
  readonly details: readonly string[];
  readonly examples: readonly string[];
  /** What people type when they mean this command; only for suggestions. */
  readonly alsoKnownAs: readonly string[];
  /** For scripts: neither in the general help nor in completions nor suggested. */
  readonly hidden?: boolean;
}

const trailingSlash =
  "SRC/ (with a slash) stands for the contents of SRC; SRC (without) stands for the directory itself, which then " +
  "appears inside DST. A single file goes to DST, or into DST when that is a directory or ends in a slash.";

const several =
  "Several sources keep their names in DST; two of one name are refused. Trees that come to one place are merged: of two entries " +
  "with one name there the first stays, and the second is reported and left alone. Into a daemon nothing is merged.";

const fidelity =
  "Kept: empty directories, symbolic and hard links, holes, permissions, times, extended attributes, ACLs, and (as " +
  "root) owners and special files.";

const remoteSides =
  "SRC and DST may be at a daemon: host:/module/path. With both there, the bytes go straight from one to the other, which the " +
  "receiving daemon must allow. A colon before the first slash always names another machine: write ./a:b for a file of that name.";

const place =
  "PATH is host:/module/path, host:port:/module/path, [v6]:port:/module/path or blit://host:port/module/path. Symbolic " +
  "links are not followed.";

const table = [
  {
    name: "copy",
    summary: "copy files and trees",
    operands: "SRC... DST",
    completes: "paths",
    details: [
      "Copies each SRC to DST. Files that are already there and equal are left alone; nothing is deleted.",
      trailingSlash,
      several,
      remoteSides,
      fidelity,
    ],
    examples: [
      "blit copy photos/ /backup/photos",
      "blit copy a.iso b.iso /mnt/usb/",
      "blit copy photos/ nas:/photos/2024",
      "blit copy nas:/photos/2024/ photos",
    ],
    alsoKnownAs: ["cp", "push", "pull", "rsync", "clone"],
  },
  {
    name: "mirror",
    summary: "make a tree equal to another, deletions included",
    operands: "SRC DST",
    completes: "paths",
    details: [
      "Copies like `blit copy`, then deletes from DST what SRC lacks. On a terminal the deletions are shown first and " +
      "you are asked; elsewhere --yes is needed. Deletions come last, after everything was copied, and nothing at all is " +
      "deleted where a directory or a file of SRC could not be read, or a name in --files-from is missing.",
      trailingSlash,
      fidelity,
    ],
    examples: ["blit mirror --dry-run photos/ /backup/photos", "blit mirror photos/ /backup/photos --yes"],
    alsoKnownAs: ["sync", "replicate"],
  },
  {
    name: "move",
    summary: "move files and trees",
    operands: "SRC... DST",
    completes: "paths",
    details: [
      "Copies like `blit copy` and removes each source file once its copy is complete. What is there already is read and " +
      "compared, whatever its size and time (a dry run does so, too): only an equal source goes. On one file system, where " +
      "nothing stands in the way, it is a plain rename.",
      trailingSlash,
      several,
    ],
    examples: ["blit move inbox/ /archive/inbox", "blit move old.log new.log"],
    alsoKnownAs: ["mv", "rename"],
  },
  {
    name: "check",
    summary: "compare two trees, change nothing",
    operands: "SRC DST",
    completes: "paths",
    details: [
      "Lists what differs between SRC and DST and changes nothing. Exit code 0: equal; 2: there are differences.",
      trailingSlash,
    ],
    examples: ["blit check photos/ /backup/photos", "blit check --checksum --one-way photos/ /backup/photos"],
    alsoKnownAs: ["diff", "compare", "verify", "cmp"],
  },
  {
    name: "daemon",
    summary: "export directories to other machines",
    operands: "",
    completes: "nothing",
    details: [
      "Runs in the foreground until SIGTERM or SIGINT; SIGHUP reads the configuration again. Prints one line when it is " +
      "ready, then one line for each event on standard error.",
      "There are no passwords: who may connect is a matter of networks. Unless the configuration says otherwise, those are " +
      "private networks and those this machine is in.",
    ],
    examples: ["blit daemon --root /data", "blit daemon --config /etc/blit/daemon.toml --bind 10.0.0.5"],
    alsoKnownAs: ["serve", "server", "rsyncd"],
  },
  {
    name: "modules",
    summary: "list what a daemon exports",
    operands: "HOST",
    completes: "nothing",
    details: ["HOST is host, host:port or [v6]:port."],
    examples: ["blit modules nas", "blit modules nas:9032 --json"],
    alsoKnownAs: ["exports", "shares"],
  },
  {
    name: "ls",
    summary: "list a directory of a daemon",
    operands: "PATH",
    completes: "remote",
    details: ["Lists a directory, or shows one entry. Directories end in a slash.", place],
    examples: ["blit ls nas:/photos/2024", "blit ls --long nas:/photos"],
    alsoKnownAs: ["list", "dir"],
  },
  {
    name: "find",
    summary: "search a tree of a daemon",
    operands: "PATH",
    completes: "remote",
    details: ["Names every entry of a tree that matches all that is given.", place],
    examples: [
      "blit find nas:/photos --name '*.raw' --min-size 100M",
      "blit find nas:/photos --type directory --max-depth 1",
    ],
    alsoKnownAs: ["search", "locate"],
  },
  {
    name: "du",
    summary: "add up what a tree of a daemon holds",
    operands: "PATH",
    completes: "remote",
    details: ["Shows bytes of content, bytes on the medium, and how many files and directories there are.", place],
    examples: ["blit du nas:/photos", "blit du nas:/photos --max-depth 1"],
    alsoKnownAs: ["ncdu", "size"],
  },
  {
    name: "df",
    summary: "show how much room a daemon's disk has",
    operands: "PATH",
    completes: "remote",
    details: ["Shows the file system behind a path.", place],
    examples: ["blit df nas:/photos"],
    alsoKnownAs: ["free", "space"],
  },
  {
    name: "rm",
    summary: "remove a file or tree from a daemon",
    operands: "PATH",
    completes: "remote",
    details: [
      "Removes one entry, a directory with everything in it. Tells what that is and asks first; where there is no terminal to " +
      "ask on, --yes is needed.",
      place,
    ],
    examples: ["blit rm nas:/photos/tmp", "blit rm nas:/photos/tmp --yes"],
    alsoKnownAs: ["remove", "delete", "unlink", "rmdir"],
  },
  {
    name: "jobs",
    summary: "list, follow or stop the transfers of a daemon",
    operands: "list|watch|cancel HOST [ID]",
    completes: "nothing",
    details: [
      "`list` shows the transfers that run and the last that ended; `watch` follows one until it ends, with the exit code that " +
      "the transfer itself would have; `cancel` asks one to stop, whose client then ends with exit code 1 and does not begin anew.",
    ],
    examples: ["blit jobs list nas", "blit jobs watch nas 7", "blit jobs cancel nas 7"],
    alsoKnownAs: ["transfers", "ps", "queue"],
  },
  {
    name: "scan",
    summary: "find daemons on the local network",
    operands: "",
    completes: "nothing",
    details: ["Asks by multicast DNS which daemons there are. Those started with --no-mdns do not answer."],
    examples: ["blit scan", "blit scan --for 5s --json"],
    alsoKnownAs: ["discover", "browse"],
  },
  {
    name: "diagnostics",
    summary: "show how fast recent runs were, and switch their recording",
    operands: "perf",
    completes: "topics",
    details: [
      "Shows the recorded runs, their rates, and how well planning was predicted. What is recorded are times, counts, sizes and " +
      "kinds of file systems, no file names; it stays on this machine, in perf_local.jsonl in the user's configuration directory.",
      "BLIT_DISABLE_PERF_HISTORY=1 in the environment switches recording off for one run.",
    ],
    examples: ["blit diagnostics perf", "blit diagnostics perf --json", "blit diagnostics perf --disable --clear"],
    alsoKnownAs: ["diag", "perf", "history"],
  },
  {
    name: "profile",
    summary: "show what was learnt from earlier runs",
    operands: "",
    completes: "nothing",
    details: ["Shows for each pair of file systems what planning costs, and what the next run will start with."],
    examples: ["blit profile", "blit profile --json"],
    alsoKnownAs: ["learnt", "tuning"],
  },
  {
    name: "complete-path",
    summary: "print how a remote path may go on",
    operands: "WORD",
    completes: "nothing",
    details: [
      "Prints the completions of a remote path, one on each line, for the shells. Says nothing when something is wrong.",
    ],
    examples: ["blit complete-path nas:/pho"],
    alsoKnownAs: [],
    hidden: true,
  },
  {
    name: "completions",
    summary: "print a completion script for a shell",
    operands: "bash|zsh|fish",
    completes: "shells",
    details: ["Prints a script that completes commands, options and paths."],
    examples: [
      "source <(blit completions bash)",
      'blit completions zsh > "${fpath[1]}/_blit"',
      "blit completions fish > ~/.config/fish/completions/blit.fish",
    ],
    alsoKnownAs: ["completion"],
  },
  {
    name: "help",
    summary: "show help, in general or for a command",
    operands: "[COMMAND]",
    completes: "verbs",
    details: ["Shows the general help, or that of one command (as `blit COMMAND --help` does)."],
    examples: ["blit help mirror"],
    alsoKnownAs: ["usage", "man"],
  },
  {
    name: "version",
    summary: "print version and commit",
    operands: "",
    completes: "nothing",
    details: ["Prints the version and the commit it was built from."],
    examples: ["blit version"],
    alsoKnownAs: ["about"],
  },
] as const satisfies readonly Verb[];

export type VerbName = typeof table[number]["name"];
export type VerbRow = Verb & { readonly name: VerbName };

/** In the order of the general help. */
export const verbs: readonly VerbRow[] = table;

export function findVerb(name: string): VerbRow | undefined {
  return verbs.find((verb) => verb.name === name);
}
