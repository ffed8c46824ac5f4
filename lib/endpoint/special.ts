/**
 * FIFOs, sockets and devices as operands. In a tree they are made again as what they are; by name they are refused: whoever names one
 * means what goes through it, and a file in its place would be a surprise (/dev/null above all).
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { directoryName, trimSlashes } from "../base/path_parts.ts";
import { Kind } from "../model/entry.ts";
import type { Verb } from "../model/job.ts";
import { realPath } from "../native/paths.ts";
import { isTempName } from "../native/temp_name.ts";

const words: Readonly<Record<number, string>> = {
  [Kind.Fifo]: "a FIFO",
  [Kind.Socket]: "a socket",
  [Kind.CharDevice]: "a device",
  [Kind.BlockDevice]: "a device",
};

/** `path`: of this machine, to be looked at as well; undefined for one at a daemon. Raises BlitError (usage). */
export function refuseSpecialSource(verb: Verb, argument: string, kind: number, path?: string): void {
  const what = words[kind] ?? openFile(path);
  if (what === undefined) return;
  const shown = printablePath(argument);
  throw usageError(
    `Cannot ${verb} "${shown}": it is ${what}`,
    `Only a tree that holds it is copied with it; for what comes out of it write: cat "${shown}" > FILE`,
  );
}

/** `kind`: of what stands there, undefined for nothing; the rest as above. */
export function refuseSpecialDestination(verb: Verb, argument: string, kind: number | undefined, path?: string): void {
  const what = words[kind ?? Kind.None] ?? openFile(path);
  if (what === undefined) return;
  throw usageError(
    `Cannot ${verb} to "${printablePath(argument)}": it is ${what}`,
    "Name a file or a directory; --null reads everything and writes nothing.",
  );
}

/** A name that the next run would take for one of its temporary files. Raises BlitError (usage). */
export function refuseKeptName(verb: Verb, source: string, destination: string): void {
  for (const path of [source, destination]) {
    if (!isTempName(trimSlashes(path).replace(/^.*\//s, ""))) continue;
    throw usageError(
      `Cannot ${verb} "${printablePath(source)}": blit keeps such names as "${
        printablePath(path)
      }" for its temporary files`,
      "Give it another name first, if it is of use.",
    );
  }
}

/** /dev/stdin, /dev/fd/63 and the like. */
function openFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const holder = realPath(directoryName(path)) ?? "";
  const name = trimSlashes(path).replace(/^.*\//s, "");
  const isOne = /^\/proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/fd$/.test(holder) ||
    (holder === "/dev" && ["stdin", "stdout", "stderr"].includes(name));
  return isOne ? "an open file of a process" : undefined;
}
