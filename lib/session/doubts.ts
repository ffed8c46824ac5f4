/**
 * Signs that a destination is not where it was meant to be: a path that was mistyped makes directories several levels deep, a disk that
 * is not mounted leaves its mount point empty. Each is worth a line, none stops a run.
 */

import { printablePath } from "../base/path_bytes.ts";
import { directoryName, trimSlashes } from "../base/path_parts.ts";
import { pathFacts } from "../native/paths.ts";
import { parseMountPoints, parseMounts } from "../tune/mounts.ts";
import { type SystemFiles, systemFiles } from "../tune/system_files.ts";

export interface Doubt {
  readonly kind: "deep_destination" | "not_mounted";
  readonly message: string;
}

/** Of a destination on this machine, as typed, before anything is made: whether two directories or more above it are missing. */
export function depthDoubts(destination: string): Doubt[] {
  const missing: string[] = [];
  for (let at = destination; !pathFacts(at, true) && directoryName(at) !== at; at = directoryName(at)) missing.push(at);
  return missing.length > 2 ? [deepDestination(destination, missing.at(-1))] : [];
}

/** `from`: the first of the missing directories, where it is known. */
export function deepDestination(destination: string, from?: string): Doubt {
  const where = from === undefined ? "" : `, from "${printablePath(from)}" on`;
  return {
    kind: "deep_destination",
    message: `neither "${printablePath(destination)}" nor two directories above it exist; all are new${where}`,
  };
}

/** Where the destination belongs on a file system that the machine knows and that is not mounted. */
export function mountDoubts(destination: string, files: SystemFiles = systemFiles): Doubt[] {
  return mountDoubtsOf(realPathToBe(destination, files), files);
}

/** The same of a path without symlinks. What is mounted is not looked at: it may not answer. */
export function mountDoubtsOf(real: string, files: SystemFiles = systemFiles): Doubt[] {
  const table = files.read("/etc/fstab");
  if (table === undefined) return [];
  const mounted = new Set(parseMounts(files.read("/proc/self/mountinfo") ?? "").map(({ mountPoint }) => mountPoint));
  const holding = parseMountPoints(table)
    .map((point) => mounted.has(point) ? point : files.realPath(point) ?? point)
    .filter((point) => point !== "/" && `${real}/`.startsWith(`${point}/`))
    .sort((a, b) => b.length - a.length)[0];
  if (holding === undefined || mounted.size === 0 || mounted.has(holding)) return [];
  return [{
    kind: "not_mounted",
    message: `"${printablePath(holding)}" is a mount point of /etc/fstab, and nothing is mounted there`,
  }];
}

/** The path without symlinks, as it is or as it will be once what is missing is made. */
function realPathToBe(path: string, files: SystemFiles): string {
  const found = files.realPath(path);
  const above = directoryName(path);
  if (found !== undefined || above === path) return found ?? path;
  return `${trimSlashes(realPathToBe(above, files)).replace(/^\/$/, "")}/${trimSlashes(path).replace(/^.*\//s, "")}`;
}
