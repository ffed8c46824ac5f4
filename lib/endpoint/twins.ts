/**
 * Sources that come to one place of the destination: two of one name are refused before anything is touched, trees are merged, and of
 * trees that are it is known, so that no entry of one takes the place of an entry of another (session/claims.ts).
 */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";

/** Where a source goes. */
export interface Target {
  /** As it was typed. */
  readonly source: string;
  /** The place in the destination, in one way of writing for all of them. */
  readonly path: string;
  readonly tree: boolean;
}

/** For each, whether another one is, or leads, into the same tree. Raises a usage error where two would be one entry. */
export function mergesOf(targets: readonly Target[]): boolean[] {
  const places = targets.map(({ path }) => slashed(path));
  return targets.map((target, i) =>
    targets.some((other, k) => {
      if (i === k || !(places[i].startsWith(places[k]) || places[k].startsWith(places[i]))) return false;
      if (places[i] === places[k] && !(target.tree && other.tree)) throw twinsError(target, other);
      return true;
    })
  );
}

export function twinsError(one: Pick<Target, "source" | "path">, other: Pick<Target, "source">): Error {
  const [path, a, b] = [one.path, one.source, other.source].map(printablePath);
  return usageError(
    a === b ? `Cannot use the source "${a}" twice` : `Cannot put both "${a}" and "${b}" at "${path}"`,
    a === b ? undefined : "Give one of them another place.",
  );
}

function slashed(path: string): string {
  return `${path.replace(/\/+$/, "")}/`;
}
