import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { CompareMode } from "../../lib/model/job.ts";
import { Diff, Kind } from "../../lib/model/entry.ts";
import { decide } from "../../lib/plan/decide.ts";

const modes: readonly CompareMode[] = ["quick", "size", "checksum", "always"];
const { Mtime, Mode, Owner, Xattr, Size, Linked, Target, DestinationLinked } = Diff;

function file(diff: number, compare: CompareMode): string {
  return decide(Kind.File, Kind.File, diff, { verb: "copy", compare, ignoreExisting: false });
}

Deno.test("a file that exists on both sides is judged by the comparison that was asked for", () => {
  //      diff                        quick        size         checksum   always
  const table: [number, string, string, string, string][] = [
    [0, "unchanged", "unchanged", "content", "replace"],
    [Size, "replace", "replace", "replace", "replace"],
    [Mtime, "replace", "metadata", "content", "replace"],
    [Size | Mtime, "replace", "replace", "replace", "replace"],
    [Mode, "metadata", "metadata", "content", "replace"],
    [Owner, "metadata", "metadata", "content", "replace"],
    [Xattr, "metadata", "metadata", "content", "replace"],
    [Mtime | Mode, "replace", "metadata", "content", "replace"],
    [Linked, "unchanged", "unchanged", "content", "replace"],
    [Linked | Mode, "metadata", "metadata", "content", "replace"],
    // Metadata of an inode that has further names would change under those names too.
    [DestinationLinked, "unchanged", "unchanged", "content", "replace"],
    [DestinationLinked | Mode, "replace", "replace", "replace", "replace"],
    [DestinationLinked | Mtime, "replace", "replace", "replace", "replace"],
    [DestinationLinked | Xattr, "replace", "replace", "replace", "replace"],
  ];
  for (const [diff, ...expected] of table) {
    assertEquals(modes.map((mode) => file(diff, mode)), expected, `diff ${diff}`);
  }
});

Deno.test("symlinks and special files are replaced only for what they are, whatever the comparison", () => {
  for (const kind of [Kind.Symlink, Kind.Fifo, Kind.Socket, Kind.CharDevice, Kind.BlockDevice]) {
    for (const compare of modes) {
      const decided = [0, Mtime, Mode | Owner, Target, Target | Mtime].map((diff) =>
        decide(kind, kind, diff, { verb: "copy", compare, ignoreExisting: false })
      );
      assertEquals(decided, ["unchanged", "metadata", "metadata", "replace", "replace"]);
    }
  }
});

Deno.test("what is missing is made, also where existing entries are to be ignored", () => {
  for (const kind of [Kind.File, Kind.Symlink, Kind.Fifo]) {
    for (const compare of modes) {
      for (const ignoreExisting of [false, true]) {
        assertEquals(decide(kind, Kind.None, 0, { verb: "copy", compare, ignoreExisting }), "make");
      }
    }
  }
});

Deno.test("another kind of entry gives way, a directory is a conflict", () => {
  for (const compare of modes) {
    const job = { verb: "copy", compare, ignoreExisting: false } as const;
    assertEquals(decide(Kind.File, Kind.Symlink, Diff.Kind, job), "replace");
    assertEquals(decide(Kind.Symlink, Kind.File, Diff.Kind, job), "replace");
    assertEquals(decide(Kind.Fifo, Kind.Socket, Diff.Kind, job), "replace");
    assertEquals(decide(Kind.File, Kind.Directory, Diff.Kind, job), "conflict");
    assertEquals(decide(Kind.Symlink, Kind.Directory, Diff.Kind, job), "conflict");
  }
});

const anyKind = fc.integer({ min: Kind.File, max: Kind.BlockDevice });
const anyDiff = fc.integer({ min: 0, max: 1023 });

Deno.test("with --ignore-existing nothing that is there is ever touched", () => {
  const thereKind = fc.integer({ min: Kind.File, max: Kind.Directory });
  fc.assert(fc.property(anyKind, thereKind, anyDiff, fc.constantFrom(...modes), (kind, dstKind, diff, compare) => {
    assertEquals(decide(kind, dstKind, diff, { verb: "move", compare, ignoreExisting: true }), "skip");
  }));
});

Deno.test("another size is never taken for unchanged, and another time only where times do not count", () => {
  fc.assert(fc.property(anyDiff, fc.constantFrom(...modes), (diff, compare) => {
    assertEquals(file(diff | Size, compare), "replace");
    const decision = file(diff | Mtime, compare);
    assertEquals(["unchanged", "skip", "make"].includes(decision), false);
    if (compare === "quick") assertEquals(decision, "replace");
  }));
});

Deno.test("a move never takes a file for equal without reading it", () => {
  fc.assert(fc.property(anyDiff, fc.constantFrom(...modes), (diff, compare) => {
    const decision = decide(Kind.File, Kind.File, diff, { verb: "move", compare, ignoreExisting: false });
    assertEquals(decision === "content" || decision === "replace", true);
  }));
});
