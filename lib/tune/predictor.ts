/**
 * What was learnt about each pair of file systems and each route: planning cost, and what runs settled on.
 *
 * A plain value: `learn` returns a new one. A pair of disks that was never seen starts from its kinds of file systems, and
 * those from cautious defaults, so that what one disk taught helps with the next. Keeping it is predictor_store.ts.
 */

import type { FileSystemProfile, Route, RunFlag, RunRecord } from "../model/run_record.ts";
import { type CostModel, learnCost, type PlanningCost, predictionError, predictMs } from "./planning_cost.ts";

/** Raised when a field changes its meaning; a state of another version is forgotten. */
export const predictorVersion = 1;

/** Averages of what runs ended with; 0 where none used any. */
export interface Settled {
  readonly runs: number;
  readonly workers: number;
  readonly lanes: number;
  readonly shardBytes: number;
}

export interface PairModel {
  readonly source: string;
  readonly destination: string;
  readonly route: string;
  readonly cost: CostModel;
  /** The last errors, 0.1 is 10 %, newest last. */
  readonly errors: readonly number[];
  readonly settled: Settled;
}

/** Models by key, least recently taught first. */
export interface PredictorState {
  readonly version: typeof predictorVersion;
  /** The newest record that was learnt, as `learnNew` marks it; empty when nothing was. */
  readonly learntUntil: string;
  readonly pairs: ReadonlyMap<string, PairModel>;
}

/** The two sides of a job and what makes its planning another thing. */
export interface Situation {
  readonly source: FileSystemProfile;
  readonly destination: FileSystemProfile;
  readonly route: Route;
  readonly flags: readonly RunFlag[];
}

/** What keys begin with: of pairs of disks, and of pairs of kinds of file systems. */
const DISKS = "disks: ";
const KINDS = "kinds: ";

/** A pair takes about 300 bytes and the whole is read at every start. */
const PAIRS_MAX = 128;
const ERRORS_KEPT = 9;
const SETTLED_STEP = 0.3;
/** Fewer runs are no habit. */
const SETTLED_FROM = 3;
/** A shorter run ends before its workers have settled on anything. */
const SETTLED_COPY_MS = 500;

export const emptyPredictor: PredictorState = { version: predictorVersion, learntUntil: "", pairs: new Map() };

/** Expected planning time in ms of a job with so many files and bytes. */
export function predictPlanning(state: PredictorState, situation: Situation, files: number, bytes: number): number {
  return predictMs(modelFor(state, situation).cost, files, bytes);
}

/** Where to start, or undefined while too few runs are known. */
export function settledFor(state: PredictorState, situation: Situation): Settled | undefined {
  return habitOf(modelFor(state, situation));
}

export function habitOf({ settled }: PairModel): Settled | undefined {
  return settled.runs >= SETTLED_FROM ? settled : undefined;
}

/** The models of pairs of disks, last taught first. */
export function pairModels(state: PredictorState): PairModel[] {
  return [...state.pairs].filter(([key]) => key.startsWith(DISKS)).map(([, model]) => model).reverse();
}

/** Whether a run tells about the machine: finished, whole, and at its own speed. */
export function isInstructive(record: RunRecord): boolean {
  const untypical: readonly RunFlag[] = ["dry_run", "discard", "bandwidth_limit", "workers_limit", "plaid"];
  return record.status === "ok" && !record.workload.flags.some((flag) => untypical.includes(flag));
}

/** The state after those runs, newest first, that came after the last one it has learnt. */
export function learnNew(state: PredictorState, newestFirst: Iterable<RunRecord>): PredictorState {
  const unlearnt: RunRecord[] = [];
  for (const record of newestFirst) {
    if (mark(record) === state.learntUntil) break;
    unlearnt.push(record);
  }
  if (unlearnt.length === 0) return state;
  return { ...unlearnt.toReversed().reduce(learn, state), learntUntil: mark(unlearnt[0]) };
}

/** Tells records apart: no two runs start in one millisecond and last the same microseconds. */
function mark({ time, total_ms }: RunRecord): string {
  return `${time} ${total_ms}`;
}

/** How many runs between these file systems the state has learnt. */
export function runsLearnt(state: PredictorState, record: RunRecord): number {
  return modelFor(state, { ...record, flags: record.workload.flags }).cost.runs;
}

/** The state after one more run; the same where the run is not instructive. */
export function learn(state: PredictorState, record: RunRecord): PredictorState {
  if (!isInstructive(record)) return state;
  const situation = { ...record, flags: record.workload.flags };
  const { disks, kinds } = keys(situation);
  const pairs = new Map(state.pairs);
  const taught = [disks, kinds].map((key) => [key, teach(modelFor(state, situation, key), record)] as const);
  for (const [key, model] of taught) {
    // Taken out first, so that it moves to the end.
    pairs.delete(key);
    pairs.set(key, model);
  }
  for (const key of [...pairs.keys()].slice(0, Math.max(0, pairs.size - PAIRS_MAX))) pairs.delete(key);
  return { ...state, pairs };
}

function teach(model: PairModel, record: RunRecord): PairModel {
  const { files, bytes } = record.workload;
  const error = predictionError(predictMs(model.cost, files, bytes), record.planning_ms);
  return {
    ...model,
    cost: learnCost(model.cost, files, bytes, record.planning_ms),
    errors: [...model.errors, error].slice(-ERRORS_KEPT),
    settled: record.copy_ms < SETTLED_COPY_MS || record.workers === 0 ? model.settled : settle(model.settled, record),
  };
}

function settle(settled: Settled, record: RunRecord): Settled {
  const towards = (average: number, value: number) =>
    average === 0 ? value : average + SETTLED_STEP * (value - average);
  return {
    runs: settled.runs + 1,
    workers: towards(settled.workers, record.workers),
    lanes: record.lanes === 0 ? settled.lanes : towards(settled.lanes, record.lanes),
    shardBytes: record.shard_bytes === 0 ? settled.shardBytes : towards(settled.shardBytes, record.shard_bytes),
  };
}

/** The model under `key`, or what a new one starts from: that of the same kinds of file systems, or the defaults. */
export function modelFor(state: PredictorState, situation: Situation, key = keys(situation).disks): PairModel {
  const own = state.pairs.get(key);
  if (own !== undefined) return own;
  const { disks, kinds } = keys(situation);
  const near = state.pairs.get(kinds);
  const withDisks = key === disks;
  return {
    source: profileName(situation.source, withDisks),
    destination: profileName(situation.destination, withDisks),
    route: routeName(situation),
    cost: { ...(near?.cost ?? defaultCost(situation)), runs: 0, lastSurprise: 0 },
    errors: [],
    settled: near?.settled ?? { runs: 0, workers: 0, lanes: 0, shardBytes: 0 },
  };
}

/**
 * Cautious: about five times what a warm scan of a local disk takes (measured 1 to 3 us per file), and a round trip
 * per file over a network. With --checksum planning reads both sides.
 */
function defaultCost({ source, destination, flags }: Situation): PlanningCost {
  const sides = [source, destination];
  const perFile = sides.some((side) => side.network)
    ? 0.5
    : sides.some((side) => side.rotational === true)
    ? 0.1
    : 0.01;
  return { perFile, perMib: flags.includes("checksum") ? 2 : 0.001, fixed: 5 };
}

function keys(situation: Situation): { readonly disks: string; readonly kinds: string } {
  const key = (disks: boolean) =>
    [profileName(situation.source, disks), profileName(situation.destination, disks), routeName(situation)].join(" > ");
  return { disks: DISKS + key(true), kinds: KINDS + key(false) };
}

function routeName({ route, flags }: Situation): string {
  return flags.includes("checksum") ? `${route}+checksum` : route;
}

/** "ext4 on nvme0n1", "xfs on sda (rotational)", "nfs4 (network)". */
function profileName(profile: FileSystemProfile, withDisk: boolean): string {
  const disk = withDisk && profile.device !== undefined ? ` on ${profile.device}` : "";
  const nature = profile.network ? " (network)" : profile.rotational === true ? " (rotational)" : "";
  return `${profile.kind}${disk}${nature}`;
}
