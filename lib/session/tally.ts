/** The score of a job: counts, failures, notices; turns them into events while it runs and into the summary at its end. */

import type { Change, EntryKind, EventSink, Failure, Method, Phase, Progress, Summary, Waits } from "../model/event.ts";
import { formatCountOf } from "../base/units.ts";
import type { Job } from "../model/job.ts";
import { sizeClasses } from "../model/run_record.ts";
import type { RouteDecision } from "../tune/router.ts";
import { type Counters, type EngineError, Lost } from "../native/engine.ts";

/** Failures kept for the summary; all are counted and told as events. */
const FAILURES_KEPT = 1000;

const lostNotices: readonly (readonly [bit: number, kind: string, message: string])[] = [
  [Lost.Xattr, "xattr", "the destination cannot keep the extended attributes of some entries"],
  [Lost.Acl, "acl", "the destination cannot keep the access control lists of some entries"],
  [Lost.Owner, "owner", "the destination cannot keep the owners or groups of some entries"],
  [Lost.Mode, "mode", "the destination cannot keep the permissions of some entries"],
  [Lost.Times, "times", "the destination cannot keep the modification times of some entries exactly"],
  [
    Lost.SetId,
    "set_id",
    "set-user-id and set-group-id bits are left out where the owner or the group could not be kept",
  ],
];

/** What a daemon does not give, whoever asks for it. */
const withheldNotices: readonly (readonly [bit: number, kind: string, what: string])[] = [
  [Lost.Rights, "set_id", "gives no set-user-id and set-group-id bits"],
  [Lost.Labels, "security_attributes", "keeps no attributes in security.* and trusted.*"],
  [Lost.Nodes, "devices", "makes no device nodes: they are left out"],
];

export class Tally {
  phase: Phase = "scanning";
  route = "streaming";
  routeReason = "";
  predictedPlanningMs = 0;
  workers = 0;
  stalls = 0;
  /** Summed over the sources: from the start to the end of the scan. */
  planningMs = 0;
  scanComplete = false;
  filesTotal = 0;
  filesCopied = 0;
  filesUnchanged = 0;
  filesRemoved = 0;
  filesDeleted = 0;
  filesFailed = 0;
  filesNotTried = 0;
  filesMetadataOnly = 0;
  directoriesTotal = 0;
  directoriesCreated = 0;
  directoriesDeleted = 0;
  bytesTotal = 0;
  bytesCopied = 0;
  #failuresTotal = 0;
  #differences = 0;
  #full: EngineError | undefined;
  #jobFailed = false;
  readonly #failures: Failure[] = [];
  readonly #notices = new Map<string, string>();
  readonly #bytesByMethod: Partial<Record<Method, number>> = {};
  #waits: Waits = { planner: 0, source: 0, destination: 0 };
  readonly #sizes: number[] = new Array(sizeClasses).fill(0);
  #finishedBytes = 0;
  #finishedFiles = 0;
  readonly #startedMs = performance.now();

  constructor(private readonly job: Job, private readonly sink: EventSink) {}

  get itemize(): boolean {
    return this.job.itemize;
  }

  setPhase(phase: Phase): void {
    if (phase === this.phase) return;
    this.phase = phase;
    this.sink({ type: "phase", phase });
  }

  /** Non-directories that compare equal and were not handed out. */
  unchanged({ unchanged, unchangedBytes }: { readonly unchanged: number; readonly unchangedBytes: number }): void {
    this.filesTotal += unchanged;
    this.filesUnchanged += unchanged;
    this.bytesTotal += unchangedBytes;
  }

  /** `path` is called only where somebody wants to see every entry. */
  entry(change: Change, kind: EntryKind, path: () => string, size?: number): void {
    if (change !== "unchanged") this.#differences++;
    if (this.job.itemize) this.sink({ type: "entry", change, kind, path: path(), size });
  }

  /** A non-directory, or a directory that could not be entered. */
  failure(path: string, error: EngineError): void {
    if (error.code === "full" || error.code === "quota") {
      this.filesNotTried++;
      this.#full ??= error;
      return;
    }
    this.filesFailed++;
    this.#fail(path, error);
  }

  /** Set once the destination takes no more: what is left is not tried. */
  get full(): EngineError | undefined {
    return this.#full;
  }

  /** The job is over, whatever is left of it. */
  get jobFailed(): boolean {
    return this.#jobFailed;
  }

  /** One line for everything that had no room. */
  tellFull(): void {
    if (!this.#full || this.#jobFailed) return;
    const why = this.#full.code === "quota" ? "disk quota exceeded" : "no space left";
    const left = `${formatCountOf(this.filesNotTried, "file")} found so far ${
      this.filesNotTried === 1 ? "was" : "were"
    }`;
    this.cannotGoOn(this.#full.code, `Cannot go on: ${why} at the destination; ${left} not copied`);
  }

  /** The job as a whole has failed, in what it did or would do. */
  cannotGoOn(code: string, message: string): void {
    this.#jobFailed = true;
    this.#fail(".", { code, message });
  }

  #fail(path: string, error: EngineError): void {
    this.#failuresTotal++;
    const failure: Failure = { path, code: error.code, message: error.message };
    if (error.code === "unsupported") {
      // Said once per kind; every one of them still counts.
      const first = !this.#notices.has(error.message);
      this.notice(error.message, `${error.message} (first: ${path})`);
      if (!first) return;
    }
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push(failure);
    this.sink({ type: "failure", ...failure });
  }

  notice(kind: string, message: string): void {
    if (this.#notices.has(kind)) return;
    this.#notices.set(kind, message);
    this.sink({ type: "notice", kind, message });
  }

  lost(bits: number): void {
    if (bits === 0) return;
    for (const [bit, kind, message] of lostNotices) {
      if (bits & bit) this.notice(kind, message);
    }
    for (const [bit, kind, what] of withheldNotices) {
      if (bits & bit) {
        this.notice(
          kind,
          `the daemon ${what}; "privileged = true" in its module (with --root: --privileged) allows them`,
        );
      }
    }
  }

  takeRoute(decision: RouteDecision, workers: number): void {
    this.route = decision.route;
    this.routeReason = decision.reason;
    this.predictedPlanningMs = decision.predictedPlanningMs;
    this.workers = workers;
  }

  planner(message: string): void {
    this.sink({ type: "planner", message });
  }

  /** Temporary files that were removed from a directory of the destination. */
  stale(count: number, directory: string): void {
    this.planner(`Removed from "${directory}": ${formatCountOf(count, "temporary file")} of runs that were broken off`);
  }

  renamed(path: string, kind: EntryKind): void {
    this.route = "rename";
    this.routeReason = "one file system, and nothing stands in the way";
    this.filesTotal++;
    this.filesCopied++;
    this.filesRemoved++;
    this.scanEnded(0);
    this.entry("create", kind, () => path);
  }

  /** Takes over what an engine that is about to close has moved. */
  addCounters(counters: Counters): void {
    for (const [method, bytes] of Object.entries(counters.bytesByMethod) as [Method, number][]) {
      if (bytes > 0) this.#bytesByMethod[method] = (this.#bytesByMethod[method] ?? 0) + bytes;
    }
    this.#finishedBytes += counters.bytesMoved;
    this.#finishedFiles += counters.files;
    this.#waits = this.#waitsWith(counters);
    counters.sizes.forEach((count, i) => this.#sizes[i] += count);
  }

  progress(counters: Counters | undefined, currentPath: string | undefined): Progress {
    // The engine counts each file as it is done, the score only when the answer for a whole batch is in.
    const copied = Math.max(this.filesCopied, this.#finishedFiles + (counters?.files ?? 0));
    const settled = copied + this.filesUnchanged + this.filesFailed;
    const bytesDone = this.#finishedBytes + (counters?.bytesMoved ?? 0);
    // Sizes are not known before files are opened: what remains is taken to be like what was seen.
    const mean = this.filesCopied > 0 ? this.bytesCopied / this.filesCopied : 0;
    const remaining = Math.max(this.filesTotal - settled, 0);
    const estimate = this.filesCopied > 0 ? Math.max(this.bytesCopied + mean * remaining, bytesDone) : undefined;
    return {
      phase: this.phase,
      filesDone: settled,
      filesTotal: Math.max(this.filesTotal, settled),
      bytesDone,
      bytesTotal: this.pendingLargeBytes > 0
        ? Math.max(estimate ?? 0, this.bytesCopied + this.pendingLargeBytes)
        : estimate,
      scanComplete: this.scanComplete,
      currentPath,
      workers: this.workers,
      waits: this.waits(counters),
    };
  }

  /** Where the workers' time went, of finished engines and this one. */
  waits(counters: Counters | undefined): Waits {
    return counters ? this.#waitsWith(counters) : this.#waits;
  }

  #waitsWith({ idleMs, sourceMs, destinationMs }: Counters): Waits {
    const { planner, source, destination } = this.#waits;
    return { planner: planner + idleMs, source: source + sourceMs, destination: destination + destinationMs };
  }

  /** Regular files by size, as in model/run_record.ts. */
  get sizes(): readonly number[] {
    return this.#sizes;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  scanEnded(planningMs: number): void {
    this.scanComplete = true;
    this.planningMs += planningMs;
  }

  /** Sizes of large files under way: known, unlike those of files that are still in the queue. */
  pendingLargeBytes = 0;

  summary(interrupted: boolean): Summary {
    const differs = this.job.verb === "check" && this.#differences > 0;
    return {
      verb: this.job.verb,
      dryRun: this.job.dryRun,
      status: interrupted
        ? "interrupted"
        : this.#jobFailed
        ? "failed"
        : this.#failuresTotal > 0 || differs
        ? "partial"
        : "ok",
      route: this.route,
      routeReason: this.routeReason,
      predictedPlanningMs: this.predictedPlanningMs,
      planningMs: this.planningMs,
      workers: this.workers,
      stalls: this.stalls,
      filesTotal: this.filesTotal,
      filesCopied: this.filesCopied,
      filesUnchanged: this.filesUnchanged,
      filesRemoved: this.filesRemoved,
      filesDeleted: this.filesDeleted,
      filesFailed: this.filesFailed,
      filesNotTried: this.filesNotTried,
      filesMetadataOnly: this.filesMetadataOnly,
      directoriesTotal: this.directoriesTotal,
      directoriesCreated: this.directoriesCreated,
      directoriesDeleted: this.directoriesDeleted,
      bytesTotal: this.bytesTotal,
      bytesCopied: this.bytesCopied,
      bytesByMethod: { ...this.#bytesByMethod },
      durationMs: this.elapsedMs,
      failuresTotal: this.#failuresTotal,
      failures: [...this.#failures],
      notices: [...this.#notices.values()],
    };
  }
}
