/** Names of a directory, and where a listing of several answers stands. */

import { readdir } from "node:fs/promises";
import { Kind } from "../model/entry.ts";
import { factsIfAny, kindOf } from "./portable_facts.ts";

export interface Name {
  readonly name: string;
  /** Kind.None where it is not known. */
  readonly kind: number;
  /** It does not lead to the entry: the real name is not UTF-8. */
  readonly unusable: boolean;
}

export interface Listing {
  readonly source: readonly Name[];
  /** Of these: names that differ from others in case or spelling only. */
  readonly twins: ReadonlySet<string>;
  sourceAt: number;
  /** What the destination has, less what was met in the source already. */
  readonly destination: Map<string, Name>;
  /** What the destination has under names that are not UTF-8. */
  readonly unreachable: readonly Name[];
  /** What only the destination has; known at the end of the source. */
  extras?: readonly Name[];
  extraAt: number;
}

/** What Deno puts for bytes that are not UTF-8; a name may also really contain it. */
const REPLACEMENT = "\ufffd";

/** Raises what the system raises. */
export async function readNames(prefix: string): Promise<Name[]> {
  const doubtful = new Set<string>();
  const names: Name[] = [];
  for (const entry of await readdir(prefix, { withFileTypes: true })) {
    const { name } = entry;
    let unusable = false;
    if (name.includes(REPLACEMENT)) {
      // Several names can come out as the same; at most one of them really is.
      unusable = doubtful.has(name) || await factsIfAny(prefix + name) === undefined;
      doubtful.add(name);
    }
    names.push({ name, kind: kindOf(entry), unusable });
  }
  return names;
}

/** The same with every kind known. */
export async function readNamesAndKinds(prefix: string): Promise<Name[]> {
  const names = await readNames(prefix);
  for (const [i, each] of names.entries()) {
    if (each.kind !== Kind.None || each.unusable) continue;
    names[i] = { ...each, kind: (await factsIfAny(prefix + each.name))?.kind ?? Kind.None };
  }
  return names;
}
