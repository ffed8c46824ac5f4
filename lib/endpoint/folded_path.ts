/**
 * Paths that differ, and lead to one place all the same, since the file system takes their names for one (native/fold.c). Inode numbers do
 * not tell: some such file systems give an entry another one for each name.
 */

import { directoryName } from "../base/path_parts.ts";
import { pathFacts, realPath, sameInode } from "../native/paths.ts";

/** Whether an entry is the other one, or lies below it, under another spelling. Undefined: neither, or it is so by its very name. */
export function respelled(path: string, other: string): "same" | "below" | undefined {
  const [here, there] = [absolute(path), absolute(other)];
  if (here === undefined || there === undefined || `${here}/`.startsWith(`${there}/`)) return undefined;
  if (
    !`${folded(here)}/`.startsWith(`${folded(there)}/`) || pathFacts(path, true)?.dev !== pathFacts(other, true)?.dev
  ) {
    return undefined;
  }
  const [parts, others] = [here.split("/"), there.split("/")];
  for (const [i, part] of others.entries()) {
    if (part === parts[i]) continue;
    const listed = namesIn(`${parts.slice(0, i).join("/")}/`);
    if (listed.has(part) && listed.has(parts[i])) return undefined;
  }
  return parts.length === others.length ? "same" : "below";
}

/**
 * Whether inode numbers tell what is what on the file system of a directory, however its names are spelled. Undefined: no name in the
 * directory, nor on the way there, has another spelling that could be tried.
 */
export function numbersTell(directory: string): boolean | undefined {
  const root = realPath(directory);
  const dev = root === undefined ? undefined : pathFacts(root, true)?.dev;
  if (root === undefined || dev === undefined) return undefined;
  for (let at = root; pathFacts(directoryName(at), true)?.dev === dev && at !== "/"; at = directoryName(at)) {
    const told = toldBy(directoryName(at), at.slice(at.lastIndexOf("/") + 1), dev);
    if (told !== undefined) return told;
  }
  for (const name of namesIn(root)) {
    const told = toldBy(root, name, dev);
    if (told !== undefined) return told;
  }
  return undefined;
}

function toldBy(directory: string, name: string, dev: number): boolean | undefined {
  const other = name.replace(/[a-z]/i, (letter) => letter < "a" ? letter.toLowerCase() : letter.toUpperCase());
  const here = pathFacts(`${directory}/${name}`, false);
  if (other === name || here?.dev !== dev) return undefined;
  const there = pathFacts(`${directory}/${other}`, false);
  return there === undefined || sameInode(here, there) || namesIn(directory).has(other);
}

/** Without symlinks on the way; one in the last place is itself. */
function absolute(path: string): string | undefined {
  const name = path.replace(/\/+$/, "").replace(/^.*\//s, "");
  if (name === "" || name === "." || name === "..") return realPath(path);
  const directory = realPath(directoryName(path));
  return directory === undefined ? undefined : `${directory === "/" ? "" : directory}/${name}`;
}

function folded(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function namesIn(directory: string): ReadonlySet<string> {
  return new Set(Array.from(Deno.readDirSync(directory), ({ name }) => name));
}
