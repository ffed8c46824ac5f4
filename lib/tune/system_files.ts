/** Reads what Linux tells about itself in /proc and /sys. Tests put other texts in its place. */

import { readSmallText, realPath } from "../native/paths.ts";

export interface SystemFiles {
  /** The text without surrounding white space; undefined when there is none to be had. */
  read(path: string): string | undefined;
  /** The path with every symlink resolved; undefined when nothing stands there. */
  realPath(path: string): string | undefined;
}

export const systemFiles: SystemFiles = { read, realPath };

function read(path: string): string | undefined {
  try {
    return readSmallText(path)?.trim();
  } catch {
    return undefined;
  }
}

/** A number that stands alone in its file; undefined for anything else, "max" too. */
export function readNumber(files: SystemFiles, path: string): number | undefined {
  const text = files.read(path);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}
