import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { defaultNetwork, type Job } from "../../lib/model/job.ts";
import type { FreeRoom } from "../../lib/native/paths.ts";
import { judgesRoom, Room } from "../../lib/session/room.ts";

const MIB = 1 << 20;

function jobOf(changes: Partial<Job> = {}): Job {
  return { verb: "copy", forceSpace: false, discard: false, network: defaultNetwork, ...changes } as Job;
}

/** At a destination with that room, of which so much was written. */
function roomOf(free: FreeRoom | undefined, written = { bytesMoved: 0, files: 0 }): Room | undefined {
  return Room.of(() => free, () => written);
}

Deno.test("what is expected fits until it is more than there is room for, and then for good it does not", () => {
  const room = roomOf({ bytes: 10 * MIB })!;
  room.expect(10 * MIB, 1_000_000);
  assertEquals(room.shortage, undefined);
  room.expect(1, 0);
  assertEquals(room.shortage!.exitCode, 1);
  assertStringIncludes(
    room.shortage!.message,
    "Cannot fit: at least 10.0 MiB needed, 10.0 MiB free at the destination; --force-space",
  );
});

Deno.test("files and directories are counted against what can still be made", () => {
  const room = roomOf({ bytes: 10 * MIB, inodes: 1000 })!;
  room.expect(0, 1000);
  assertEquals(room.shortage, undefined);
  room.expect(0, 1);
  assertStringIncludes(room.shortage!.message, "at least room for 1,001 files and directories needed, 1,000 free");
});

Deno.test("room that others made meanwhile, and what this run has written, count before it is given up", () => {
  const written = { bytesMoved: 0, files: 0 };
  const room = roomOf({ bytes: 10 * MIB, inodes: 10 }, written)!;
  written.bytesMoved = 8 * MIB;
  written.files = 8;
  room.expect(17 * MIB, 17);
  assertEquals(room.shortage, undefined);
  room.expect(2 * MIB, 0);
  assert(room.shortage);
});

Deno.test("nothing is judged where the destination does not tell", () => {
  assertEquals(roomOf(undefined), undefined);
});

const judged: [what: string, job: Partial<Job>, kind: string, beside: boolean, expected: boolean][] = [
  ["another disk", {}, "ext4", false, true],
  ["the same disk, which shares no extents", {}, "ext4", true, true],
  ["a stick", {}, "exfat", false, true],
  ["another xfs", {}, "xfs", false, true],
  ["the same xfs, which may share extents", {}, "xfs", true, false],
  ["btrfs, which may compress", {}, "btrfs", false, false],
  ["zfs, which may compress", {}, "zfs", false, false],
  ["a network file system, whose server may compress", {}, "nfs4", false, false],
  ["an unknown one", {}, "unknown", false, false],
  ["a move within a disk, which frees as it goes", { verb: "move" }, "ext4", true, false],
  ["a move to another disk", { verb: "move" }, "ext4", false, true],
  ["a check", { verb: "check" }, "ext4", false, false],
  ["--force-space", { forceSpace: true }, "ext4", false, false],
  ["--null", { discard: true }, "ext4", false, false],
  ["--resume, which finds parts of files", { network: { ...defaultNetwork, resume: true } }, "ext4", false, false],
];

for (const [what, job, kind, beside, expected] of judged) {
  Deno.test(`the room is ${expected ? "judged" : "not judged"} for ${what}`, () => {
    assertEquals(judgesRoom(jobOf(job), kind, beside), expected);
  });
}
