/**
 * The one door for every path, name and pattern that a client sends: nothing of that kind is used before it went through here. What
 * passes is safe to be resolved beneath a module. Everything here raises invalid_argument that says what is wrong.
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { pathFromBytes, printablePath } from "../base/path_bytes.ts";
import { problemOfName, problemOfPath, problemOfText } from "../wire/names.ts";

const slash = 0x2f;

/** The path as a PEP 383 string; "" is the module itself. */
export function checkPath(bytes: Uint8Array): string {
  return checked(bytes, "path", problemOfPath(bytes));
}

/** The name of one entry. */
export function checkName(bytes: Uint8Array): string {
  return checked(bytes, "name", problemOfName(bytes));
}

/** A pattern, an entry of a list, or the beginning of a path: it is compared, and never opened. */
export function checkText(bytes: Uint8Array): string {
  return checked(bytes, "text", problemOfText(bytes));
}

/** What filters see before an entry's path: "" or "name/". */
export function checkFilterPrefix(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const ends = bytes[bytes.length - 1] === slash;
  return checked(bytes, "prefix", ends ? problemOfName(bytes.subarray(0, -1)) : "it does not end in a slash");
}

function checked(bytes: Uint8Array, what: string, problem: string | undefined): string {
  if (problem === undefined) return pathFromBytes(bytes);
  const shown = printablePath(pathFromBytes(bytes.subarray(0, 200)));
  throw new ConnectError(`Cannot use the ${what} "${shown}": ${problem}`, Code.InvalidArgument);
}
