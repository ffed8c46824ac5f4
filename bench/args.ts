/** The bench's command line: text to options, nothing else. */

import { BenchError } from "./failure.ts";
import { peerIds } from "./peers.ts";
import { type NetworkId, networkIds } from "./networks.ts";
import { knownPlaces } from "./places.ts";
import { workloads } from "./workloads.ts";

export interface RowOptions {
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
}

export interface LocalOptions extends RowOptions {
  readonly peers: readonly string[];
  /** Drop the system's caches before each run. */
  readonly cold: boolean;
  /** Where the results go; a dated name when absent. */
  readonly json?: string;
}

export interface TuneOptions extends RowOptions {
  /** A configuration directory with recorded runs; the user's own when absent. */
  readonly history?: string;
}

export interface RemoteOptions extends Omit<RowOptions, "places" | "placesGiven"> {
  readonly networks: readonly NetworkId[];
  /** As in LocalOptions. */
  readonly json?: string;
}

export interface ScaleOptions {
  /** Entries of the trees, each measured on its own. */
  readonly counts: readonly number[];
  /** Timed rounds; by the count when absent. */
  readonly runs?: number;
  /** As in RowOptions. */
  readonly patienceMs: number;
  /** As in LocalOptions. */
  readonly json?: string;
}

export type Command =
  | { readonly verb: "local"; readonly options: LocalOptions }
  | { readonly verb: "remote"; readonly options: RemoteOptions }
  | { readonly verb: "tune"; readonly options: TuneOptions }
  | { readonly verb: "scale"; readonly options: ScaleOptions }
  | { readonly verb: "micro" }
  | { readonly verb: "readme"; readonly file: string }
  | { readonly verb: "chart"; readonly file: string }
  | { readonly verb: "compare"; readonly before: string; readonly after: string }
  | { readonly verb: "help" };

const quickRows = ["small100k", "nochange", "one2g", "tiny"];

const remoteRows = ["one2g", "small100k", "nochange"];

/** Many and few files, small and large ones, and nothing to do: what history could make slower. */
const tuneRows = ["tiny", "eight1m", "small100k", "nochange", "mixed"];

const scaleCounts: readonly number[] = [10_000, 100_000, 1_000_000, 4_000_000];

export const usage = `usage: deno task bench local [options]     measure copies and mirrors on this machine
       deno task bench remote [options]    measure pushes, pulls and copies between daemons
       deno task bench tune [options]      check the predictor, and runs with a history against runs without
       deno task bench compare OLD NEW     say what got slower; exit code 3 where a row did by more than 5 %
       deno task bench scale [options]     time and memory for ever more files
       deno task bench micro               single steps: batches, decisions, codecs, the shim's operations
       deno task bench readme FILE         put the table of a result file into README.md
       deno task bench chart FILE          draw a result file again, as local and remote do (FILE.svg)

options of local:
  --quick           a tenth of the size, ${quickRows.length} rows, in tmpfs and xfs only (less than three minutes)
  --scale X         share of the full size and count (1)
  --runs N          timed rounds of each row (5; short rows take more)
  --only ROW,...    ${workloads.map(({ id }) => id).join(", ")}
  --place NAME,...  ${knownPlaces.join(", ")}, or a directory (each row in those that tell most about it)
  --peers NAME,...  ${peerIds.join(", ")} (all that are installed); "none" for none
  --cold            drop the system's caches before each run (as root; means nothing in tmpfs)
  --wait-idle S     seconds to wait at most for an idle machine before a run (2; quick 0.2)
  --json FILE       where the results go (bench/results/DATE.json)

options of remote: --quick, --scale, --runs, --wait-idle, --json as above, --only (${remoteRows.join(", ")}), and
  --network NAME,...  ${networkIds.join(", ")} (all that this machine can make); wan has one row of its own

options of tune: --scale (0.1), --runs (11), --only (${tuneRows.join(", ")}), --place (tmpfs, ext4),
  --wait-idle as above, and
  --quick           a hundredth of the size, in tmpfs only
  --history DIR     take recorded runs from this configuration directory (that of the user)

options of scale: --wait-idle, --json as above, and
  --counts N,...    entries of the trees (${scaleCounts.join(",")}); what does not fit into memory is skipped
  --runs N          timed rounds (5; from 1,000,000 entries on 3)
`;

/** Raises BenchError for anything that is not understood. */
export function parseArgs(argv: readonly string[]): Command {
  const [verb, ...rest] = argv;
  if (verb === undefined || verb === "help" || argv.includes("--help") || argv.includes("-h")) return { verb: "help" };
  if (verb === "local") return { verb, options: parseLocal(rest) };
  if (verb === "remote") return { verb, options: parseRemote(rest) };
  if (verb === "readme" || verb === "chart") {
    if (rest.length !== 1) throw new BenchError(`Cannot make the ${verb}: name one file of results`);
    return { verb, file: rest[0] };
  }
  if (verb === "compare") {
    if (rest.length !== 2) throw new BenchError("Cannot compare: name an old and a new file of results");
    return { verb, before: rest[0], after: rest[1] };
  }
  if (verb === "tune") return { verb, options: parseTune(rest) };
  if (verb === "scale") return { verb, options: parseScale(rest) };
  if (verb === "micro") {
    if (rest.length > 0) throw new BenchError(`Unknown option "${rest[0]}"`);
    return { verb };
  }
  throw new BenchError(
    `Unknown command "${verb}"; known are local, remote, tune, scale, micro, compare, readme and chart`,
  );
}

const rowOptionNames = ["--scale", "--runs", "--only", "--place", "--wait-idle"];

interface RowDefaults {
  readonly scale: number;
  readonly runs: number;
  readonly only: readonly string[];
  readonly places: readonly string[];
}

function parseLocal(argv: readonly string[]): LocalOptions {
  const given = parseOptions(argv, [...rowOptionNames, "--peers", "--json"], ["--quick", "--cold"]);
  const peers = given.get("--peers");
  const places = given.has("--quick") ? ["tmpfs", "xfs"] : knownPlaces;
  const only = given.has("--quick") ? quickRows : workloads.map(({ id }) => id);
  return {
    ...rowOptions(given, { scale: given.has("--quick") ? 0.1 : 1, runs: 5, only, places }),
    peers: peers === "none" ? [] : known("peer", list(peers), peerIds),
    json: given.get("--json"),
    cold: given.has("--cold"),
  };
}

function parseRemote(argv: readonly string[]): RemoteOptions {
  const given = parseOptions(argv, [...rowOptionNames, "--network", "--json"]);
  const scale = given.has("--quick") ? 0.1 : 1;
  const { places: _, placesGiven: __, ...rows } = rowOptions(given, { scale, runs: 5, only: remoteRows, places: [] });
  const networks = known("network", list(given.get("--network")), networkIds) as readonly NetworkId[];
  return { ...rows, networks, json: given.get("--json") };
}

function parseTune(argv: readonly string[]): TuneOptions {
  const given = parseOptions(argv, [...rowOptionNames, "--history"]);
  const places = given.has("--quick") ? ["tmpfs"] : ["tmpfs", "ext4"];
  return {
    ...rowOptions(given, { scale: given.has("--quick") ? 0.01 : 0.1, runs: 11, only: tuneRows, places }),
    history: given.get("--history"),
  };
}

function parseScale(argv: readonly string[]): ScaleOptions {
  const given = parseOptions(argv, ["--counts", "--runs", "--wait-idle", "--json"], []);
  const counts = list(given.get("--counts")).map((text) => Math.ceil(positive("--counts", text, 0)));
  return {
    counts: counts.length > 0 ? counts.sort((a, b) => a - b) : scaleCounts,
    runs: given.has("--runs") ? Math.ceil(positive("--runs", given.get("--runs"), 0)) : undefined,
    patienceMs: 1000 * positive("--wait-idle", given.get("--wait-idle"), 2),
    json: given.get("--json"),
  };
}

/** Values by option, "" for a flag. */
function parseOptions(argv: readonly string[], valued: readonly string[], flags = ["--quick"]): Map<string, string> {
  const given = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const [name, inline] = splitOnce(argv[index], "=");
    if (flags.includes(name)) given.set(name, "");
    else if (valued.includes(name)) {
      const value = inline ?? argv[++index];
      if (value === undefined) throw new BenchError(`Option ${name} needs a value`);
      given.set(name, value);
    } else throw new BenchError(`Unknown option "${argv[index]}"`);
  }
  return given;
}

function rowOptions(given: ReadonlyMap<string, string>, defaults: RowDefaults): RowOptions {
  const places = list(given.get("--place"));
  const only = list(given.get("--only"));
  return {
    scale: positive("--scale", given.get("--scale"), defaults.scale),
    runs: Math.ceil(positive("--runs", given.get("--runs"), defaults.runs)),
    patienceMs: 1000 * positive("--wait-idle", given.get("--wait-idle"), given.has("--quick") ? 0.2 : 2),
    only: only.length > 0 ? known("row", only, workloads.map(({ id }) => id)) : defaults.only,
    places: places.length > 0 ? places : defaults.places,
    placesGiven: places.length > 0,
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
