import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { EntryBatch } from "../../lib/native/engine.ts";
import type { Decision } from "../../lib/plan/decide.ts";
import { DirNode } from "../../lib/session/dir_node.ts";
import { HardLinks, type LinkName } from "../../lib/session/hard_links.ts";
import { UNDECIDED_LINKS } from "../../lib/session/limits.ts";

/** The work as it would be carried out, written down; `settle` answers the oldest first name that is under way. */
class Work {
  readonly log: string[] = [];
  readonly links: HardLinks;
  /** The last link that was asked for has no room. */
  full = () => {};
  #underWay: ((ok: boolean) => void)[] = [];

  constructor(waits = false) {
    this.links = new HardLinks({
      first: (name, settled) => {
        this.log.push(`copy ${text(name)}`);
        this.#underWay.push(settled);
      },
      further: (name, target, renewed, full) => {
        this.log.push(`link ${text(name)} to ${target.dir}/${target.name}${renewed ? " (new)" : ""}`);
        this.full = full;
      },
    }, waits);
  }

  add(inode: string, name: LinkName): void {
    this.links.add(inode, name);
  }

  settle(ok: boolean): void {
    this.#underWay.shift()!(ok);
  }

  get underWay(): number {
    return this.#underWay.length;
  }

  /** What happened since the last call. */
  taken(): string[] {
    return this.log.splice(0);
  }
}

function text(name: LinkName): string {
  return `${name.node.id}/${name.batch.name(name.index)}`;
}

const names = { name: (index: number) => `n${index}` } as EntryBatch;

function linkName(dir: DirNode | number, index: number, decision: Decision = "make"): LinkName {
  const node = typeof dir === "number" ? new DirNode(dir, undefined, "source", true, false) : dir;
  return { node, batch: names, index, decision };
}

Deno.test("the first name is copied, those that come later are linked to it", () => {
  const work = new Work();
  work.add("1:1", linkName(5, 0));
  work.settle(true);
  work.add("1:1", linkName(6, 1));
  work.add("1:1", linkName(5, 2));
  assertEquals(work.taken(), ["copy 5/n0", "link 6/n1 to 5/n0 (new)", "link 5/n2 to 5/n0 (new)"]);
});

Deno.test("where the destination was there before, names wait for one whose file stays", () => {
  for (const decision of ["metadata", "unchanged"] as const) {
    const work = new Work(true);
    work.add("1:1", linkName(5, 0));
    work.add("1:1", linkName(6, 1, "replace"));
    assertEquals(work.taken(), []);
    work.add("1:1", linkName(6, 2, decision));
    work.settle(true);
    assertEquals(work.taken(), ["copy 6/n2", "link 5/n0 to 6/n2", "link 6/n1 to 6/n2"]);
  }
});

Deno.test("once all names are known, the first one leads where no file stays", () => {
  const work = new Work(true);
  for (let i = 0; i < 3; i++) work.add("1:1", linkName(5, i));
  work.add("2:1", linkName(5, 3));
  work.links.allKnown();
  assertEquals(work.taken(), ["copy 5/n0", "copy 5/n3"]);
  work.settle(true);
  work.add("1:1", linkName(5, 4));
  assertEquals(work.taken(), ["link 5/n1 to 5/n0 (new)", "link 5/n2 to 5/n0 (new)", "link 5/n4 to 5/n0 (new)"]);
});

Deno.test("where very many names wait, the oldest stop waiting", () => {
  const work = new Work(true);
  for (let i = 0; i <= UNDECIDED_LINKS; i++) work.add(`${i >> 1}:1`, linkName(5, i));
  assertEquals(work.taken(), ["copy 5/n0"]);
});

Deno.test("names that come while the first is being copied wait for it", () => {
  const work = new Work();
  for (let i = 0; i < 3; i++) work.add("1:1", linkName(5, i));
  assertEquals(work.taken(), ["copy 5/n0"]);
  work.settle(true);
  assertEquals(work.taken(), ["link 5/n1 to 5/n0 (new)", "link 5/n2 to 5/n0 (new)"]);
});

Deno.test("where the first name fails the next one takes its place", () => {
  const work = new Work();
  for (let i = 0; i < 3; i++) work.add("1:1", linkName(5, i));
  work.settle(false);
  assertEquals(work.taken(), ["copy 5/n0", "copy 5/n1"]);
  work.settle(true);
  assertEquals(work.taken(), ["link 5/n2 to 5/n1 (new)"]);
});

Deno.test("where every name failed a later one begins anew", () => {
  const work = new Work();
  work.add("1:1", linkName(5, 0));
  work.settle(false);
  work.add("1:1", linkName(5, 1));
  assertEquals(work.taken(), ["copy 5/n0", "copy 5/n1"]);
});

Deno.test("a name for which there is no room is copied, and those that follow become links of it", () => {
  const work = new Work();
  work.add("1:1", linkName(5, 0));
  work.settle(true);
  work.add("1:1", linkName(5, 1));
  const full = work.full;
  work.add("1:1", linkName(5, 2));
  const fullToo = work.full;
  full();
  work.add("1:1", linkName(5, 3));
  fullToo();
  assertEquals(work.taken(), ["copy 5/n0", "link 5/n1 to 5/n0 (new)", "link 5/n2 to 5/n0 (new)", "copy 5/n1"]);
  work.settle(true);
  assertEquals(work.taken(), ["link 5/n3 to 5/n1 (new)", "link 5/n2 to 5/n1 (new)"]);
});

Deno.test("inodes do not mix", () => {
  const work = new Work();
  work.add("1:1", linkName(5, 0));
  work.add("2:1", linkName(5, 1));
  work.add("1:2", linkName(5, 2));
  assertEquals(work.taken(), ["copy 5/n0", "copy 5/n1", "copy 5/n2"]);
});

Deno.test("only a copy that makes a new inode says so: other names may be links of it already", () => {
  for (const decision of ["make", "replace", "metadata", "unchanged"] as const) {
    const work = new Work();
    work.add("1:1", linkName(5, 0, decision));
    work.settle(true);
    work.add("1:1", linkName(5, 1));
    const mark = decision === "make" || decision === "replace" ? " (new)" : "";
    assertEquals(work.taken(), ["copy 5/n0", `link 5/n1 to 5/n0${mark}`]);
  }
});

Deno.test("the directory of the first name, and those above it, keep their numbers", () => {
  const root = new DirNode(0, undefined, "source", true, false);
  const first = new DirNode(1, root, "source", true, false);
  const other = new DirNode(2, root, "source", true, false);
  const work = new Work();
  work.add("1:1", linkName(first, 0));
  work.settle(true);
  work.add("1:1", linkName(other, 1));
  assertEquals([root.pinned, first.pinned, other.pinned], [true, true, false]);
});

Deno.test("each name is copied or linked once, in any order of events, and linked only to one that was settled", () => {
  const events = fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), fc.boolean()), { maxLength: 60 });
  fc.assert(fc.property(events, fc.boolean(), (events, waits) => {
    const work = new Work(waits);
    const added: string[] = [];
    const settled = new Set<string>();
    const copied: string[] = [];
    const note = () => {
      for (const line of work.taken()) {
        const [verb, name, , target] = line.split(" ");
        if (verb === "link") assertEquals(settled.has(target), true);
        else copied.push(name);
        added.splice(added.indexOf(name), 1);
      }
    };
    const settle = (ok: boolean) => {
      if (work.underWay === 0) return;
      const name = copied[copied.length - work.underWay];
      if (ok) settled.add(name);
      work.settle(ok);
      note();
    };
    events.forEach((event, i) => {
      if (typeof event === "boolean") return settle(event);
      added.push(`${event}/n${i}`);
      work.add(`${event}`, linkName(event, i));
      note();
    });
    work.links.allKnown();
    note();
    while (work.underWay > 0) settle(true);
    assertEquals(added, []);
  }));
});
