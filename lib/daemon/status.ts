/** From what went wrong beneath a module to the Connect error that the client gets. */

import { Code, ConnectError } from "@connectrpc/connect";
import { type EntryError, reasonOf } from "../native/beneath.ts";

const codes: Readonly<Record<string, Code>> = {
  no_answer: Code.DeadlineExceeded,
  ENOENT: Code.NotFound,
  EACCES: Code.PermissionDenied,
  EPERM: Code.PermissionDenied,
  EINVAL: Code.InvalidArgument,
  ENAMETOOLONG: Code.InvalidArgument,
  ENOTDIR: Code.FailedPrecondition,
  ELOOP: Code.FailedPrecondition,
  EROFS: Code.FailedPrecondition,
  ENFILE: Code.ResourceExhausted,
  EMFILE: Code.ResourceExhausted,
  ENOMEM: Code.ResourceExhausted,
};

/** `what` is shown to the client: "module/path". */
export function pathStatus(action: string, what: string, reason: EntryError): ConnectError {
  return new ConnectError(`Cannot ${action} "${what}": ${reason.words}`, codes[reason.code] ?? Code.Internal);
}

/** Wraps what `native/beneath.ts` throws; everything else passes through. */
export function asStatus(action: string, what: string, thrown: unknown): unknown {
  const reason = reasonOf(thrown);
  return reason === undefined ? thrown : pathStatus(action, what, reason);
}
