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
  readonly completes: "paths" | "shells" | "verbs" | "nothing";
  /** Paragraphs of the help, below the usage line. */
  readonly details: readonly string[];
  readonly examples: readonly string[];
  /** What people type when they mean this command; only for suggestions. */
  readonly alsoKnownAs: readonly string[];
}

const trailingSlash =
  "SRC/ (with a slash) stands for the contents of SRC; SRC (without) stands for the directory itself, which then " +
  "appears inside DST. A single file goes to DST, or into DST when that is a directory or ends in a slash.";

const fidelity =
  "Kept: empty directories, symbolic and hard links, holes, permissions, times, extended attributes, ACLs, and (as " +
  "root) owners and special files.";

const table = [
  {
    name: "copy",
    summary: "copy files and trees",
    operands: "SRC... DST",
    completes: "paths",
    details: [
      "Copies each SRC to DST. Files that are already there and equal are left alone; nothing is deleted.",
      trailingSlash,
      fidelity,
    ],
    examples: ["blit copy photos/ /backup/photos", "blit copy a.iso b.iso /mnt/usb/", "blit copy --null /data"],
    alsoKnownAs: ["cp", "push", "pull", "rsync", "clone"],
  },
  {
    name: "mirror",
    summary: "make a tree equal to another, deletions included",
    operands: "SRC DST",
    completes: "paths",
    details: [
      "Copies like `blit copy`, then deletes from DST what SRC lacks. On a terminal the deletions are shown first and " +
      "you are asked; elsewhere --yes is needed. Nothing is deleted when a part of SRC could not be read.",
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
      "Copies like `blit copy` and removes each source file once its copy is complete. On one file system, where " +
      "nothing stands in the way, it is a plain rename.",
      trailingSlash,
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
