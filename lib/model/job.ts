/** What the user asked for, fully resolved: `args/` makes it, `session/` carries it out. Plain data. */

export type Verb = "copy" | "mirror" | "move" | "check";

/** One include or exclude rule, in the order given; the first that matches an entry decides (rsync's rule). */
export interface FilterRule {
  readonly action: "include" | "exclude";
  /** rsync-like pattern, as typed. */
  readonly pattern: string;
}

/** Which entries take part. Ages are taken against the start of the run. */
export interface FilterOptions {
  readonly rules: readonly FilterRule[];
  /** Relative paths from --files-from (PEP 383 strings); undefined when the option is not given. */
  readonly filesFrom?: readonly string[];
  /** Bytes; apply to regular files only. */
  readonly minSize?: number;
  readonly maxSize?: number;
  /** Milliseconds since the last modification; apply to regular files only. */
  readonly minAgeMs?: number;
  readonly maxAgeMs?: number;
}

/**
 * How an existing regular file is judged unchanged.
 * - `quick`: same size and modification time; - `size`: same size; - `checksum`: same size and content;
 * - `always`: never (--ignore-times).
 */
export type CompareMode = "quick" | "size" | "checksum" | "always";

export interface DeleteOptions {
  /** `subset`: only entries that the filter lets through; `all`: also what the filter excludes. */
  readonly scope: "subset" | "all";
  /** Delete nothing at all when more entries than this would go. */
  readonly max?: number;
}

/** What concerns only jobs between machines. */
export interface NetworkOptions {
  /** Congestion control of the lanes; "" leaves it to the system. */
  readonly congestion: "" | "bbr" | "cubic" | "reno";
  /** Content travels inside the control channel from the start. */
  readonly forceInline: boolean;
  /** How often a transfer that broke off is begun again. */
  readonly retries: number;
  /** Before the first new attempt; each further one waits twice as long. */
  readonly waitMs: number;
  /** What is received of a large file stays when the transfer breaks off, and the next one uses it. */
  readonly resume: boolean;
  /** Two daemons: do not wait for the end. */
  readonly detach: boolean;
}

export const defaultNetwork: NetworkOptions = {
  congestion: "",
  forceInline: false,
  retries: 3,
  waitMs: 5000,
  resume: false,
  detach: false,
};

export interface Job {
  readonly verb: Verb;
  /** As typed (PEP 383 strings), trailing slashes kept: they carry meaning. One or more. */
  readonly sources: readonly string[];
  /** As typed; undefined only with `discard`. */
  readonly destination?: string;
  readonly dryRun: boolean;
  readonly compare: CompareMode;
  readonly ignoreExisting: boolean;
  /** Directories on another file system than the source's, or the destination's, root are not entered: -x. */
  readonly oneFileSystem: boolean;
  readonly filter: FilterOptions;
  readonly deletion: DeleteOptions;
  /** Replaced and deleted entries are moved below this directory. */
  readonly backupDir?: string;
  /** Bytes per second, 0 for no limit. */
  readonly bandwidthLimit: number;
  readonly fsync: boolean;
  /** Hash while copying, read the destination back, compare. */
  readonly verify: boolean;
  /** Begin even where it is plain that the destination cannot hold what is to be written. */
  readonly forceSpace: boolean;
  /** --null: read everything, write nothing. */
  readonly discard: boolean;
  /** `check --one-way`: extra entries in the destination are no difference. */
  readonly oneWay: boolean;
  /** Worker threads; 0 lets blit choose. */
  readonly workers: number;
  /** --plaid: every thread, the largest buffers; teaches the predictor nothing. */
  readonly plaid: boolean;
  /** The run is given up when nothing moves for so long; Infinity: never. */
  readonly stallTimeoutMs: number;
  /** Without it: defaultNetwork. */
  readonly network?: NetworkOptions;
  /** Report every entry (-v, --dry-run, --ndjson), not just totals. */
  readonly itemize: boolean;
}
