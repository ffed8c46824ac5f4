/**
 * The list of --files-from: which entries it names, and which directories have to be entered to reach them.
 * Pure names; whether an entry exists or is a directory is not known here.
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";

export interface FileList {
  /** Normalised: no empty, `.` or `..` components; the root itself is ".". */
  readonly entries: ReadonlySet<string>;
  /** All directories above the entries, without the root. */
  readonly parents: ReadonlySet<string>;
}

/**
 * A leading slash means the root of the transfer, `a/../b` is `b`, blank entries are passed over, all as in rsync.
 * Raises BlitError (usage) for an entry that leads out of the root.
 */
export function compileFileList(typed: readonly string[]): FileList {
  const entries = new Set<string>();
  const parents = new Set<string>();
  for (const entry of typed) {
    if (entry === "") continue;
    const path = normalise(entry);
    entries.add(path);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const parent = path.slice(0, end);
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  }
  return { entries, parents };
}

function normalise(entry: string): string {
  const components: string[] = [];
  for (const component of entry.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") {
      components.push(component);
    } else if (components.pop() === undefined) {
      throw usageError(
        `Cannot take "${printablePath(entry)}" from --files-from: it leads out of the source`,
        "Entries are relative to the source.",
      );
    }
  }
  return components.length === 0 ? "." : components.join("/");
}
