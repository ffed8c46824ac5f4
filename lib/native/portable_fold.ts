/** Names that the destination's file system takes for one (native/fold.c): by case, or by Unicode's several ways to write a letter. */

import { readdir, rename } from "node:fs/promises";
import type { Context } from "./portable_context.ts";
import { Own, ownError, type Step } from "./portable_error.ts";
import { factsIfAny } from "./portable_facts.ts";
import type { Name } from "./portable_listing.ts";

/**
 * After something was found under a name that the listing of the destination did not show. Raises EntryError (folded) where it is listed
 * under another one; or may be, since the source has a `twin` of the name, and some file systems list other letters than they were given.
 */
export async function refuseFolded(prefix: string, name: string, twin: boolean, step: Step): Promise<void> {
  if (await factsIfAny(prefix + name) !== undefined && (twin || await hides(prefix, name))) {
    throw ownError(Own.Folded, step);
  }
}

/** Names that differ from others of them in case or spelling only. */
export function twinsOf(names: readonly Name[]): ReadonlySet<string> {
  const first = new Map<string, string>();
  const twins = new Set<string>();
  for (const { name } of names) {
    const other = first.get(folded(name));
    if (other === undefined) first.set(folded(name), name);
    else twins.add(other).add(name);
  }
  return twins;
}

async function hides(prefix: string, name: string): Promise<boolean> {
  return await factsIfAny(prefix + name) !== undefined && !(await readdir(prefix)).includes(name);
}

/**
 * Entries that the source knows by another name since: the destination's names are put right where the file system can, and in the map
 * in any case.
 */
export async function joinFolded(
  context: Context,
  prefix: string,
  source: readonly Name[],
  destination: Map<string, Name>,
): Promise<void> {
  const known = new Set(source.map(({ name }) => name));
  const there = new Map([...destination.keys()].filter((name) => !known.has(name)).map((name) => [folded(name), name]));
  if (there.size === 0) return;
  for (const { name, unusable } of source) {
    const other = unusable || destination.has(name) ? undefined : there.get(folded(name));
    const entry = other === undefined ? undefined : destination.get(other);
    if (entry === undefined || !await hides(prefix, name)) continue;
    if (!context.config.readOnly) await rename(prefix + other, prefix + name).catch(() => {});
    destination.delete(other!);
    destination.set(name, { ...entry, name });
  }
}

function folded(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
