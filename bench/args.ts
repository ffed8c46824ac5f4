/** The bench's command line: text to options, nothing else. */

import { BenchError } from "./failure.ts";
import { peerIds } from "./peers.ts";
import { knownPlaces } from "./places.ts";
import { workloads } from "./workloads.ts";

export interface LocalOptions {
  /** Share of the full size and count. */
  readonly scale: number;
  /** Timed rounds of a row; some rows multiply it. */
  readonly runs: number;
  /** Longest wait for an idle machine before a run. */
  readonly patienceMs: number;
  /** Workload ids. */
  readonly only: readonly string[];
  /** Place names or directories. */
  readonly places: readonly string[];
  /** Whether `places` was asked for: then an absent one is an error. */
  readonly placesGiven: boolean;
  readonly peers: readonly string[];
  /** Where the results go; a dated name when absent. */
  readonly json?: string;
}

export type Command =
  | { readonly verb: "local"; readonly options: LocalOptions }
  | { readonly verb: "readme"; readonly file: string }
  | { readonly verb: "help" };

export const usage = `usage: deno task bench local [options]     measure copies and mirrors on this machine
       deno task bench readme FILE         put the table of a result file into README.md

options of local:
  --quick           a tenth of the size, in tmpfs and xfs only (about three minutes)
  --scale X         share of the full size and count (1)
  --runs N          timed rounds of each row (5; short rows take more)
  --only ROW,...    ${workloads.map(({ id }) => id).join(", ")}
  --place NAME,...  ${knownPlaces.join(", ")}, or a directory (every one that this machine can make)
  --peers NAME,...  ${peerIds.join(", ")} (all that are installed); "none" for none
  --wait-idle S     seconds to wait at most for an idle machine before a run (2; quick 0.2)
  --json FILE       where the results go (bench/results/DATE.json)
`;

/** Raises BenchError for anything that is not understood. */
export function parseArgs(argv: readonly string[]): Command {
  const [verb, ...rest] = argv;
  if (verb === undefined || verb === "help" || argv.includes("--help") || argv.includes("-h")) return { verb: "help" };
  if (verb === "local") return { verb, options: parseLocal(rest) };
  if (verb === "readme") {
    if (rest.length !== 1) throw new BenchError("Cannot make the table: name one file of results");
    return { verb, file: rest[0] };
  }
  throw new BenchError(`Unknown command "${verb}"; known are local and readme`);
}

function parseLocal(argv: readonly string[]): LocalOptions {
  const given = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const [name, inline] = splitOnce(argv[index], "=");
    if (name === "--quick") given.set(name, "");
    else if (["--scale", "--runs", "--only", "--place", "--peers", "--wait-idle", "--json"].includes(name)) {
      const value = inline ?? argv[++index];
      if (value === undefined) throw new BenchError(`Option ${name} needs a value`);
      given.set(name, value);
    } else throw new BenchError(`Unknown option "${argv[index]}"`);
  }
  const quick = given.has("--quick");
  const places = list(given.get("--place"));
  const peers = given.get("--peers");
  return {
    scale: positive("--scale", given.get("--scale"), quick ? 0.1 : 1),
    runs: Math.ceil(positive("--runs", given.get("--runs"), 5)),
    patienceMs: 1000 * positive("--wait-idle", given.get("--wait-idle"), quick ? 0.2 : 2),
    only: known("row", list(given.get("--only")), workloads.map(({ id }) => id)),
    places: places.length > 0 ? places : quick ? ["tmpfs", "xfs"] : knownPlaces,
    placesGiven: places.length > 0,
    peers: peers === "none" ? [] : known("peer", list(peers), peerIds),
    json: given.get("--json"),
  };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(",").filter(Boolean);
}

/** Nothing named means all. */
function known(what: string, names: readonly string[], all: readonly string[]): readonly string[] {
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new BenchError(`Unknown ${what} "${unknown}"; known are ${all.join(", ")}`);
  return names.length > 0 ? names : all;
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new BenchError(`Option ${name} needs a number above 0, not "${text}"`);
  return value;
}
