/**
 * Failures of the portable engine, in the words of the shim's: Deno names an error by its code, errno.ts has the words.
 *
 * Inside the engine a failure of one entry is thrown as EntryError; whoever carries out the entry catches it and puts its
 * `error` into the answer.
 */

import type { EngineError } from "./engine.ts";
import { engineError, namedError } from "./errno.ts";

/** What was being done; native/blit.h, enum blit_step. */
export const Step = {
  OpenSource: 1,
  Read: 2,
  Create: 3,
  Write: 4,
  Rename: 5,
  Mode: 6,
  Owner: 7,
  Times: 8,
  Sync: 10,
  RemoveSource: 11,
  Link: 12,
  Remove: 13,
  Backup: 14,
  Verify: 15,
  ListSource: 16,
  ListDestination: 17,
  MakeDirectory: 18,
  Symlink: 19,
  Node: 20,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

/** Failures that no system call reports; native/blit.h, BLIT_E_*. */
export const Own = {
  Changed: 4001,
  Verify: 4002,
  Inside: 4003,
  Grew: 4004,
  Stopped: 4005,
  BusyKind: 4006,
  Backup: 4007,
  MountPoint: 4009,
  Folded: 4010,
  Gone: 4011,
  Itself: 4012,
  Full: 4013,
  Quota: 4014,
  Endless: 4015,
  KeptName: 4016,
} as const;

export class EntryError extends Error {
  constructor(readonly error: EngineError, readonly step: Step, options?: ErrorOptions) {
    super(error.message, options);
  }
}

export function ownError(state: (typeof Own)[keyof typeof Own], step: Step): EntryError {
  return new EntryError(engineError(state, step), step);
}

/** Fifos, sockets and devices: there is no call that makes them. */
export function specialFileError(): EntryError {
  return new EntryError(namedError("EOPNOTSUPP", Step.Node)!, Step.Node);
}

/** Something was to be changed by an engine that is to change nothing. */
export function readOnlyError(): EntryError {
  return new EntryError(namedError("EROFS", Step.Create)!, Step.Create);
}

/** Deno takes and gives names and link targets as strings, so others than valid UTF-8 cannot be reached. */
export function nameError(step: Step): EntryError {
  const state = "names that are not UTF-8 need the native library";
  return new EntryError({ code: "unsupported", message: sentence(step, state) }, step);
}

function sentence(step: Step, state: string): string {
  return engineError(0, step).message.replace(/error 0$/, () => state);
}

/** "ENOENT" and the like; undefined for what the system did not raise. */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  if (code === undefined && thrown instanceof Deno.errors.Interrupted) return "EINTR";
  return typeof code === "string" ? code : undefined;
}

/** Whatever was thrown while doing `step`, as an EntryError; an EntryError passes through. */
export function entryError(step: Step, thrown: unknown): EntryError {
  if (thrown instanceof EntryError) return thrown;
  if (thrown instanceof Deno.errors.InvalidData) return nameError(step);
  const code = codeOf(thrown);
  if (code === "ENOSPC") return ownError(Own.Full, step);
  if (code === "EDQUOT") return ownError(Own.Quota, step);
  const known = code === undefined ? undefined : namedError(code, step);
  if (known !== undefined) return new EntryError(known, step, { cause: thrown });
  const state = thrown instanceof Error ? thrown.message : String(thrown);
  return new EntryError({ code: code ?? "EIO", message: sentence(step, state) }, step, { cause: thrown });
}

/** Awaits; raises EntryError, which says that `step` failed. */
export async function during<T>(step: Step, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    throw entryError(step, thrown);
  }
}
