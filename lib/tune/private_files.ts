/** Small files of the user's own in the configuration folder: nobody else reads them, and none is ever seen half written. */

import { Kind } from "../model/entry.ts";
import { pathFacts } from "../native/paths.ts";

/** Makes the folder, readable by its owner only. Throws what the file system says. */
export function makePrivateDir(dir: string): void {
  Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/** Puts `text` at `dir`/`name` by a rename: readers see the old file or the new one. Throws what the file system says. */
export function replaceFile(dir: string, name: string, text: string | Uint8Array): void {
  makePrivateDir(dir);
  const temporary = `${dir}/${name}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  try {
    Deno.writeFileSync(temporary, bytes, { mode: 0o600, createNew: true });
    Deno.renameSync(temporary, `${dir}/${name}`);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Opens for reading and writing. Throws what the file system says, and for anything but a regular file. */
export function openPrivateFile(path: string, options: Deno.OpenOptions): Deno.FsFile {
  const found = pathFacts(path, true);
  // A fifo would hang whoever opens it.
  if (found && found.kind !== Kind.File) throw new Error(`Cannot use "${path}": it is not a regular file`);
  return Deno.openSync(path, { ...options, read: true, mode: 0o600 });
}
