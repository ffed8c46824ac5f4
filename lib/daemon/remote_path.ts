/**
 * Paths as clients send them, checked before anything else sees them: bytes of names separated by single slashes, nothing that means
 * another place. What passes is safe to be resolved beneath a module, which refuses the same things once more.
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { pathFromBytes, printablePath } from "../base/path_bytes.ts";

const pathBytesMax = 64 * 1024;
const nameBytesMax = 255;
const slash = 0x2f;
const dot = 0x2e;

/** The path as a PEP 383 string; "" is the module itself. Raises invalid_argument that says what is wrong. */
export function checkPath(bytes: Uint8Array): string {
  if (bytes.length > pathBytesMax) {
    throw new ConnectError(
      `Cannot use a path of ${bytes.length} bytes: ${pathBytesMax} are allowed`,
      Code.InvalidArgument,
    );
  }
  const problem = bytes.length === 0 ? undefined : problemOf(bytes);
  if (problem === undefined) return pathFromBytes(bytes);
  const shown = printablePath(pathFromBytes(bytes.subarray(0, 200)));
  throw new ConnectError(`Cannot use the path "${shown}": ${problem}`, Code.InvalidArgument);
}

function problemOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === slash) return "it must be relative";
  if (bytes.includes(0)) return "it contains NUL";
  for (let from = 0; from <= bytes.length;) {
    const found = bytes.indexOf(slash, from);
    const end = found === -1 ? bytes.length : found;
    const length = end - from;
    if (length === 0) return "it has an empty part";
    if (length > nameBytesMax) return `a name has more than ${nameBytesMax} bytes`;
    if (bytes[from] === dot && length === 1) return '"." is not allowed';
    if (bytes[from] === dot && bytes[from + 1] === dot && length === 2) return '".." is not allowed';
    from = end + 1;
  }
  return undefined;
}
