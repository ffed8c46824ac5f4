/**
 * One local job from start to summary: places its arguments, runs each source in turn, and keeps one score for all of them.
 */

import { directoryName } from "../base/path_parts.ts";
import { refuseBackup } from "../endpoint/backup_place.ts";
import { isNeverEntered, nearestExisting, placeJob, type Placement } from "../endpoint/place.ts";
import type { EventSink, Progress, Summary } from "../model/event.ts";
import type { Job } from "../model/job.ts";
import type { Engine } from "../native/engine.ts";
import { engineError, isNotEmpty, STEP_REMOVE_SOURCE } from "../native/errno.ts";
import { openEngine } from "../native/open.ts";
import { makeDirectory, pathFacts, removeEmptyDirectory, rename, renameIfFree } from "../native/paths.ts";
import { stallError } from "../plan/stall.ts";
import { compileFilter, type Filter } from "../scan/filter.ts";
import { type Claims, ClaimTable } from "./claims.ts";
import { depthDoubts, mountDoubts } from "./doubts.ts";
import { LARGE_BYTES } from "./large_files.ts";
import { judgesRoom, Room } from "./room.ts";
import { Tally } from "./tally.ts";
import { type RootState, TreeRun } from "./tree_run.ts";
import { predictedMs, recordOf, tune, type Tuning } from "./tuning.ts";
import type { WatchOptions } from "./watch.ts";
import { bottleneckLine } from "../tune/bottleneck.ts";

/** How long a broken-off run waits for its workers to return. */
const HANGING_MS = 1000;

export interface RunningJob {
  progress(): Progress;
  /** Rejects with BlitError when the job could not be done at all; failures of single entries are in the summary. */
  readonly done: Promise<Summary>;
  /** Asks to stop; `done` then resolves with status "interrupted". */
  stop(): void;
}

/** Starts at once. Events come synchronously while the job runs. */
export function startJob(job: Job, sink: EventSink): RunningJob {
  const run = new JobRun(job, sink);
  return { progress: () => run.progress(), done: run.execute(), stop: () => run.stop() };
}

class JobRun {
  readonly #tally: Tally;
  #engine: Engine | undefined;
  #current: TreeRun | undefined;
  #stopped = false;
  readonly #made = new Set<string>();
  #tuning: Tuning | undefined;
  readonly #startedAt = new Date();

  constructor(private readonly job: Job, private readonly sink: EventSink) {
    this.#tally = new Tally(job, sink);
  }

  async execute(): Promise<Summary> {
    // The caller gets its handle before anything can fail.
    await Promise.resolve();
    const filter = compileFilter(this.job.filter, Date.now());
    const placements = placeJob(this.job, (directory) => filter.includesDirectory(directory));
    for (const placement of placements) this.#refuseBackup(placement, filter);
    this.#doubtDestination();
    try {
      const table = new ClaimTable();
      for (const [i, placement] of placements.entries()) {
        if (this.#stopped || this.#tally.full || (this.#tally.jobFailed && !this.job.dryRun)) break;
        const claims = placement.merges ? table.of(i, placement.destinationRoot!) : undefined;
        if (this.#tryRespell(placement, filter) || (!claims && this.#tryRename(placement, filter))) continue;
        await this.#runPlacement(placement, filter, claims);
      }
    } catch (error) {
      this.#conclude("failed");
      throw error;
    }
    return this.#conclude();
  }

  #doubtDestination(): void {
    const { verb, destination, discard } = this.job;
    if (destination === undefined || discard || verb === "check") return;
    for (const { kind, message } of [...depthDoubts(destination), ...mountDoubts(destination)]) {
      this.#tally.notice(kind, message);
    }
  }

  #refuseBackup(placement: Placement, filter: Filter): void {
    const { job } = this;
    if (job.backupDir === undefined) return;
    const enters = (directory: string) => filter.includesDirectory(directory);
    refuseBackup(job.backupDir, { ...placement, single: placement.entry !== undefined }, {
      isNeverEntered: (path) => isNeverEntered(job, placement, path, enters),
      includes: (path) => enters(placement.filterPrefix + path),
    });
  }

  /** What the machine and earlier runs suggest for this part of the job. */
  #tune(placement: Placement): Tuning {
    const tuning = this.#tuning = tune(this.job, placement);
    this.#tally.takeRoute(tuning.route, tuning.sizing.workers);
    this.#tally.planner(`Route ${tuning.route.route}: ${tuning.route.reason}`);
    this.#tally.planner(tuning.sizing.reason);
    return tuning;
  }

  /** The summary; what it teaches is kept for later runs. */
  #conclude(status?: "failed"): Summary {
    const tally = this.#tally;
    if (this.#tuning) tally.predictedPlanningMs = predictedMs(this.#tuning, tally.filesTotal, tally.bytesTotal);
    const summary = tally.summary(this.#stopped);
    if (!this.#tuning) return summary;
    const record = recordOf(this.#tuning, { ...summary, status: status ?? summary.status }, tally, this.#startedAt);
    const failed = this.#tuning.learning.remember(record);
    if (failed) tally.planner(`The run was not recorded: ${failed.message}`);
    // Under a limit the workers' waiting says nothing about the machine.
    return { ...summary, bottleneck: this.job.bandwidthLimit > 0 ? undefined : bottleneckLine(record) };
  }

  /** An entry gets another spelling of its name, on a file system that takes both for one: what stands at the second is the first. */
  #tryRespell({ sourceRoot, destinationRoot, entry, renames }: Placement, filter: Filter): boolean {
    if (!renames) return false;
    const [from, to] = [`${sourceRoot}/${entry!.source}`, `${destinationRoot}/${entry!.destination}`];
    if (!filter.includesFile(entry!.source)) return true;
    if (!this.job.dryRun) rename(from, to);
    this.#tally.renamed(entry!.destination, "file");
    return true;
  }

  /** A move within one file system, onto nothing, is one rename. In a dry run: whether it would be. */
  #tryRename(placement: Placement, filter: Filter): boolean {
    const { job } = this;
    const { sourceRoot, destinationRoot, entry } = placement;
    if (job.verb !== "move" || !filter.passesEverything || destinationRoot === undefined) return false;
    if (job.verify || job.fsync || (!entry && !placement.removeRoot)) return false;
    // A renamed directory would take along what is mounted in it.
    if (job.oneFileSystem && !entry) return false;
    const from = entry ? `${sourceRoot}/${entry.source}` : sourceRoot;
    const to = entry ? `${destinationRoot}/${entry.destination}` : destinationRoot;
    const parent = directoryName(to);
    if (pathFacts(to, false) || pathFacts(from, false)?.dev !== pathFacts(nearestExisting(parent), true)?.dev) {
      return false;
    }
    if (!job.dryRun) {
      makeDirectory(parent, false);
      if (!renameIfFree(from, to)) return false;
    }
    this.#tally.renamed(entry?.destination ?? ".", entry ? "file" : "directory");
    return true;
  }

  async #runPlacement(placement: Placement, filter: Filter, claims: Claims | undefined): Promise<void> {
    const { job } = this;
    const readOnly = job.dryRun || job.verb === "check";
    const { destinationRoot } = placement;
    let exists = destinationRoot !== undefined && pathFacts(destinationRoot, true) !== undefined;
    const fresh = !exists;
    const counted = fresh && destinationRoot !== undefined && this.#countsAsMade(destinationRoot);
    if (destinationRoot !== undefined && !exists && !readOnly) {
      makeDirectory(destinationRoot, job.fsync);
      exists = true;
    }
    if (job.backupDir !== undefined && !readOnly) makeDirectory(job.backupDir, job.fsync);
    const backup = job.backupDir !== undefined && pathFacts(job.backupDir, true) ? job.backupDir : undefined;
    const { sizing, source, destination } = this.#tune(placement);
    const opened = await openEngine({
      source: placement.sourceRoot,
      destination: exists ? destinationRoot : undefined,
      backup,
      workers: sizing.workersMax,
      bytesPerSecond: job.bandwidthLimit,
      largeBytes: LARGE_BYTES,
      bufferBytes: sizing.bufferBytes,
      verify: job.verify,
      fsync: job.fsync,
      discard: job.discard,
      move: job.verb === "move",
      readOnly,
      resume: job.network?.resume,
      oneFileSystem: job.oneFileSystem,
      keepMounts: job.verb === "mirror",
    });
    if (opened.portable) {
      this.#tally.notice(
        "portable",
        "no native library was built (no C compiler found): copying by the slower portable path",
      );
    }
    const engine = this.#engine = opened.engine;
    // After a failure a worker may hang in the system for good; then nobody waits for it.
    let patienceMs: number | undefined = HANGING_MS;
    try {
      if (!this.#stopped) {
        const disks = [source, destination].flatMap(({ profile }) => profile.device ?? []);
        const { kind } = destination.profile;
        const judged = destinationRoot !== undefined && judgesRoom(job, kind, source === destination);
        const room = judged ? Room.at(destinationRoot, engine) : undefined;
        const giveUp: WatchOptions["giveUp"] = (stall, cause) => stallError(stall, "--stall-timeout", cause);
        const removeSource = placement.removeRoot ? removerOf(placement.sourceRoot) : undefined;
        const root = { exists, fresh, counted, disks, giveUp, room, claims, removeSource, ...sizing };
        this.#current = new TreeRun(job, placement, filter, engine, this.#tally, root);
        await this.#current.execute();
      }
      patienceMs = undefined;
    } finally {
      if (patienceMs !== undefined) engine.stop();
      this.#tally.addCounters(engine.progress());
      this.#engine = undefined;
      this.#current = undefined;
      await engine.close(patienceMs);
    }
  }

  /** A dry run makes nothing: it remembers what would be there by now, so that it counts as the real run does. */
  #countsAsMade(root: string): boolean {
    if (this.#made.has(root)) return false;
    for (let at = root; !this.#made.has(at) && !pathFacts(at, true); at = directoryName(at)) this.#made.add(at);
    return true;
  }

  progress(): Progress {
    return this.#tally.progress(this.#engine?.progress(), this.#current?.currentPath());
  }

  stop(): void {
    this.#stopped = true;
    this.#engine?.stop();
  }
}

function removerOf(directory: string): RootState["removeSource"] {
  return (done) => {
    const errno = removeEmptyDirectory(directory);
    done(errno === 0 || isNotEmpty(errno) ? undefined : engineError(errno, STEP_REMOVE_SOURCE));
  };
}
