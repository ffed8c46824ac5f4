/**
 * Names and paths as another machine sends them, looked at before anything else is done with them: bytes of names separated by single
 * slashes, nothing that means another place. The shim refuses the same things once more where it opens what they name.
 */

export const PATH_BYTES_MAX = 64 * 1024;
const nameBytesMax = 255;
const slash = 0x2f;
const dot = 0x2e;

/** What is wrong with a relative path, for "Cannot use ...: <problem>"; undefined where nothing is. "" is a path. */
export function problemOfPath(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length > PATH_BYTES_MAX) return `it has more than ${PATH_BYTES_MAX} bytes`;
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

/** The same for the name of one entry. */
export function problemOfName(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "it is empty";
  return problemOfPath(bytes) ?? (bytes.includes(slash) ? "it contains a slash" : undefined);
}

/** The same for what is only compared with names and paths, never opened: a pattern, the beginning of a path. */
export function problemOfText(bytes: Uint8Array): string | undefined {
  if (bytes.length > PATH_BYTES_MAX) return `it has more than ${PATH_BYTES_MAX} bytes`;
  return bytes.includes(0) ? "it contains NUL" : undefined;
}
