/**
 * The one error class of blit and the exit codes of its process.
 *
 * Two scopes of failure: a per-file failure is an event (`model/event.ts`) and the run goes on; a fatal one is a
 * thrown BlitError. Nothing else reaches `main.ts`.
 */

/** Process exit codes; documented in the README and in `blit help`. */
export const ExitCode = {
  Ok: 0,
  /** The job could not be done. */
  Failed: 1,
  /** Finished, but some entries failed (or `check` found differences). */
  Partial: 2,
  /** Wrong usage; nothing was touched. */
  Usage: 64,
  Interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * Closed set of codes of fatal errors.
 * - `usage`: the command line or the configuration is wrong; nothing was touched.
 * - `failed`: the job could not be done.
 * - `interrupted`: the user or a signal stopped it.
 */
export type ErrorCode = "usage" | "failed" | "interrupted";

export class BlitError extends Error {
  override readonly name = "BlitError";
  constructor(
    readonly code: ErrorCode,
    /** `Cannot <action> "<what>": <state>`, no period. */
    message: string,
    /** The next step for the user, as one sentence. */
    readonly hint?: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  /** Wraps whatever was thrown; a BlitError passes through. */
  static from(thrown: unknown, action = "finish"): BlitError {
    if (thrown instanceof BlitError) return thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new BlitError("failed", `Cannot ${action}: ${reason}`, undefined, { cause: thrown });
  }

  get exitCode(): ExitCode {
    return exitCodes[this.code];
  }
}

const exitCodes: Readonly<Record<ErrorCode, ExitCode>> = {
  usage: ExitCode.Usage,
  failed: ExitCode.Failed,
  interrupted: ExitCode.Interrupted,
};

export function usageError(message: string, hint?: string): BlitError {
  return new BlitError("usage", message, hint);
}
