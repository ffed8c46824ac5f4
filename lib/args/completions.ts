/**
 * Completion scripts for bash, zsh and fish, made from the tables. Hidden flags and commands are left out. The scripts ask blit
 * only for what follows "host:/" (`blit complete-path`); bash's works with the 3.2 of macOS.
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { type FlagRow, flags, flagsOf } from "./flags.ts";
import { topics } from "./resolve_tuning.ts";
import { type VerbRow, verbs } from "./verbs.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = typeof shells[number];

/** Raises a usage error for a shell that is not in `shells`. */
export function completionScript(shell: string): string {
  switch (shell) {
    case "bash":
      return bashScript();
    case "zsh":
      return zshScript();
    case "fish":
      return fishScript();
    default:
      throw usageError(`There are no completions for "${printablePath(shell)}"`, `There are: ${shells.join(", ")}.`);
  }
}

const visible = flags.filter((flag) => !flag.hidden);
const offered = verbs.filter((verb) => !verb.hidden);
const verbNames = offered.map((verb) => verb.name);

function visibleOf(verb: VerbRow): FlagRow[] {
  return flagsOf(verb.name).filter((flag) => !flag.hidden);
}

function spellings(flag: FlagRow): string[] {
  return flag.short === undefined ? [`--${flag.name}`] : [`-${flag.short}`, `--${flag.name}`];
}

/** The words that may follow a verb; undefined: paths, local or remote. */
function operandWords(verb: VerbRow): readonly string[] | undefined {
  switch (verb.completes) {
    case "paths":
    case "remote":
      return undefined;
    case "shells":
      return shells;
    case "verbs":
      return verbNames;
    case "topics":
      return topics;
    case "nothing":
      return [];
  }
}

function bashScript(): string {
  const valued = visible.filter((flag) => flag.value !== undefined);
  const free = valued.filter((flag) => flag.choices === undefined).map((flag) => `--${flag.name}`);
  const chosen = valued.filter((flag) => flag.choices !== undefined);
  return `# bash completion for blit

# Offers what follows "host:/". The word is taken from the line, since bash splits words at colons.
_blit_remote() {
    local typed="\${COMP_LINE:0:COMP_POINT}" known="" line
    typed="\${typed##*[[:space:]]}"
    [[ "$typed" == *:/* && "\${typed%%:*}" != */* ]] || return 0
    [[ "$COMP_WORDBREAKS" == *:* ]] && known="\${typed%"\${typed##*:}"}"
    while IFS= read -r line; do
        COMPREPLY+=("$(printf %q "\${line#"$known"}")")
    done < <(blit complete-path -- "$typed" 2>/dev/null)
    if [[ \${#COMPREPLY[@]} -ne 1 || "\${COMPREPLY[0]}" == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

_blit() {
    local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" verb="" word
    COMPREPLY=()
    # bash splits --name=value at the equals sign
    if [[ "$cur" == "=" ]]; then
        cur=""
    elif [[ "$prev" == "=" ]]; then
        prev="\${COMP_WORDS[COMP_CWORD-2]}"
    fi
    for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$word" in
            ${verbNames.join("|")}) verb="$word"; break ;;
        esac
    done
    case "$prev" in
${chosen.map((flag) => `        --${flag.name}) ${bashReply(flag.choices!)}; return ;;`).join("\n")}
        ${free.join("|")}) return ;;
    esac
    case "$verb" in
        "") ${bashReply([...verbNames, ...["help", "version"].map((name) => `--${name}`)])} ;;
${offered.map(bashVerb).join("\n")}
    esac
}

# Where the function offers nothing, bash completes file names.
complete -o bashdefault -o default -F _blit blit
`;
}

function bashReply(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$cur"))`;
}

function bashVerb(verb: VerbRow): string {
  const options = visibleOf(verb).flatMap(spellings);
  const words = operandWords(verb);
  const reply = words === undefined ? "_blit_remote" : words.length === 0 ? undefined : bashReply(words);
  const operands = reply === undefined ? "" : `\n            else ${reply}`;
  return `        ${verb.name})
            if [[ "$cur" == -* ]]; then ${bashReply(options)}${operands}
            fi ;;`;
}

function zshScript(): string {
  return `#compdef blit
# zsh completion for blit

_blit_paths() {
  if [[ "$PREFIX" != *:/* || "\${PREFIX%%:*}" == */* ]]; then
    _files
    return
  fi
  local -a found
  found=(\${(f)"$(blit complete-path -- "\${(Q)PREFIX}" 2>/dev/null)"})
  local -a directories=(\${(M)found:#*/}) others=(\${found:#*/})
  compadd -S '' -a directories
  compadd -a others
}

_blit() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a commands
  commands=(
${offered.map((verb) => `    ${single(`${verb.name}:${verb.summary}`)}`).join("\n")}
  )
  _arguments -C '(- *)'{-h,--help}'[show help]' '(- *)'{-V,--version}'[print version and commit]' \\
    '1:command:->command' '*::operand:->operands'
  case $state in
    command) _describe command commands ;;
    operands)
      case $words[1] in
${offered.map(zshVerb).join("\n")}
      esac ;;
  esac
}

if [ "$funcstack[1]" = "_blit" ]; then _blit "$@"; else compdef _blit blit; fi
`;
}

function zshVerb(verb: VerbRow): string {
  const words = operandWords(verb);
  const operands = words === undefined
    ? ["'*:path:_blit_paths'"]
    : words.length === 0
    ? []
    : [single(`1:${verb.operands}:(${words.join(" ")})`)];
  const specs = [...visibleOf(verb).map(zshFlag), ...operands];
  return `        ${verb.name}) _arguments -s -S \\\n          ${specs.join(" \\\n          ")} ;;`;
}

function zshFlag(flag: FlagRow): string {
  const help = firstClause(flag.help).replaceAll(/[[\]\\]/g, "\\$&");
  let after = "";
  if (flag.value !== undefined) after = `:${flag.label}:${zshValue(flag)}`;
  const assign = flag.value === undefined ? "" : "=";
  const names = spellings(flag);
  const spelled = names.length === 1 ? single(names[0] + assign + `[${help}]${after}`) : "";
  if (flag.repeats) {
    return names.length === 1
      ? single(`*${names[0]}${assign}[${help}]${after}`)
      : `'*'{${names.join(",")}}${single(`[${help}]${after}`)}`;
  }
  return spelled !== "" ? spelled : `'(${names.join(" ")})'{${names.join(",")}}${single(`[${help}]${after}`)}`;
}

function zshValue(flag: FlagRow): string {
  if (flag.choices !== undefined) return `(${flag.choices.join(" ")})`;
  return flag.value === "file" ? "_files" : flag.value === "directory" ? "_files -/" : "";
}

function fishScript(): string {
  const withPaths = offered.filter((verb) => operandWords(verb) === undefined).map((verb) => verb.name);
  const lines = [
    "# fish completion for blit",
    "",
    "function __blit_remote",
    "    set -l word (commandline -ct)",
    "    string match -qr '^[^/]*:.*/' -- $word; and blit complete-path -- $word 2>/dev/null",
    "end",
    "",
    `complete -c blit -n ${single(`__fish_seen_subcommand_from ${withPaths.join(" ")}`)} -a '(__blit_remote)'`,
  ];
  for (const verb of offered) {
    lines.push(`complete -c blit -n __fish_use_subcommand -f -a ${verb.name} -d ${single(verb.summary)}`);
  }
  for (const flag of visible) {
    const owners = offered.filter((verb) => flag.verbs.includes(verb.name)).map((verb) => verb.name);
    const everywhere = owners.length === offered.length;
    lines.push([
      "complete -c blit",
      ...(everywhere ? [] : [`-n ${single(`__fish_seen_subcommand_from ${owners.join(" ")}`)}`]),
      ...(flag.short === undefined ? [] : [`-s ${flag.short}`]),
      `-l ${flag.name}`,
      ...fishValue(flag),
      `-d ${single(firstClause(flag.help))}`,
    ].join(" "));
  }
  for (const verb of offered) {
    const words = operandWords(verb);
    if (words === undefined) continue;
    const choices = words.length === 0 ? "" : ` -a ${single(words.join(" "))}`;
    lines.push(`complete -c blit -n '__fish_seen_subcommand_from ${verb.name}' -f${choices}`);
  }
  return lines.join("\n") + "\n";
}

function fishValue(flag: FlagRow): string[] {
  if (flag.value === undefined) return [];
  if (flag.choices !== undefined) return [`-x -a ${single(flag.choices.join(" "))}`];
  if (flag.value === "file") return ["-r -F"];
  return [flag.value === "directory" ? `-x -a '(__fish_complete_directories)'` : "-x"];
}

/** Shells show one line: the help up to its first semicolon or bracket. */
function firstClause(help: string): string {
  return help.split(/[;(]/, 1)[0].trim();
}

/** In single quotes for bash and zsh; fish reads it the same unless there is a quote or a backslash inside. */
function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
