/**
 * Hard links: of the names of one source inode the first is copied like any file, the others become links of it. A name that
 * comes while the first is still being copied waits; if the first fails, the next one takes its place. A name for which the
 * destination's file has no room (it has as many as the file system allows) is copied, and those that follow become links of it.
 *
 * Where the destination was there before, the first is a name whose file stays as it is, if there is one: the others become links of
 * that file. So names that would bring a new file wait until all names are known, whatever the order in which they come; only where
 * very many wait, the oldest of them stop waiting.
 */

import type { EntryBatch } from "../native/engine.ts";
import type { Decision } from "../plan/decide.ts";
import type { DirNode } from "./dir_node.ts";
import { UNDECIDED_LINKS } from "./limits.ts";

/** One name of an inode with several. Its batch is retained and its directory waits until the name is done. */
export interface LinkName {
  readonly node: DirNode;
  readonly batch: EntryBatch;
  readonly index: number;
  readonly decision: Decision;
}

/** Where the content stands at the destination; `dir` is pinned. */
export interface LinkTarget {
  readonly dir: number;
  readonly name: string;
}

interface Group {
  /** Known once the first name is settled. */
  target?: LinkTarget;
  /** The target is a new inode: whatever stands at the other names is not it. */
  renewed: boolean;
  /** One of its names leads, or has led. */
  led: boolean;
  waiting: LinkName[];
}

export interface LinkWork {
  /** Carries out the first name's own decision and reports whether its content now stands at the destination. */
  first(name: LinkName, settled: (ok: boolean) => void): void;
  /** Links a further name. `full`: it cannot become a link of that target, and nothing was done. */
  further(name: LinkName, target: LinkTarget, renewed: boolean, full: () => void): void;
}

export class HardLinks {
  readonly #groups = new Map<string, Group>();
  /** Groups without a name that leads, the oldest first, and how many names wait in them. */
  readonly #undecided = new Map<string, Group>();
  #undecidedNames = 0;

  /** `waits`: names may still come whose file stays at the destination. */
  constructor(private readonly work: LinkWork, private waits: boolean) {}

  add(inode: string, name: LinkName): void {
    let group = this.#groups.get(inode);
    if (!group) this.#groups.set(inode, group = { renewed: false, led: false, waiting: [] });
    if (group.led) return this.#join(inode, group, name);
    if (!this.waits || !bringsFile(name)) return this.#decide(inode, group, name);
    group.waiting.push(name);
    this.#undecided.set(inode, group);
    if (++this.#undecidedNames > UNDECIDED_LINKS) this.#decideOldest();
  }

  /** All names are known: no name waits any more for another one whose file stays. */
  allKnown(): void {
    this.waits = false;
    while (this.#undecided.size > 0) this.#decideOldest();
  }

  #decideOldest(): void {
    const [inode, group] = this.#undecided.entries().next().value!;
    this.#decide(inode, group, group.waiting[0]);
  }

  #decide(inode: string, group: Group, leader: LinkName): void {
    if (this.#undecided.delete(inode)) this.#undecidedNames -= group.waiting.length;
    if (group.waiting[0] === leader) group.waiting.shift();
    group.led = true;
    this.#lead(inode, group, leader);
  }

  #join(inode: string, group: Group, name: LinkName): void {
    const { target } = group;
    if (!target) return void group.waiting.push(name);
    this.work.further(name, target, group.renewed, () => {
      // Another name may have found that before, and leads by now.
      if (group.target !== target) return this.#join(inode, group, name);
      group.target = undefined;
      this.#lead(inode, group, name);
    });
  }

  #lead(inode: string, group: Group, name: LinkName): void {
    name.node.pin();
    this.work.first(name, (ok) => {
      if (!ok) {
        const next = group.waiting.shift();
        if (next) this.#lead(inode, group, next);
        else if (this.#groups.get(inode) === group) this.#groups.delete(inode);
        return;
      }
      const target = { dir: name.node.id, name: name.batch.name(name.index) };
      group.target = target;
      group.renewed = bringsFile(name);
      const waiting = group.waiting;
      group.waiting = [];
      for (const other of waiting) this.#join(inode, group, other);
    });
  }
}

/** It would be a new inode at the destination. */
function bringsFile({ decision }: LinkName): boolean {
  return decision === "make" || decision === "replace";
}
