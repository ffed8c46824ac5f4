/** What deciding costs for 100,000 entries, and the planner's questions of when to hand on. */

import { Diff, Kind } from "../../lib/model/entry.ts";
import type { CompareMode } from "../../lib/model/job.ts";
import { decide } from "../../lib/plan/decide.ts";
import { Heartbeat } from "../../lib/plan/heartbeat.ts";

const count = 100_000;

/** What one entry in a hundred looks like; the others are equal. */
const rare = [Diff.Size | Diff.Mtime, Diff.Mtime, Diff.Mode, Diff.Owner, Diff.Kind, Diff.DestinationLinked | Diff.Mode];
const diffs = Uint16Array.from({ length: count }, (_, index) => index % 100 === 0 ? rare[index / 100 % 6] : 0);
const kinds = Uint8Array.from({ length: count }, (_, index) => index % 50 === 0 ? Kind.Symlink : Kind.File);

bench("nothing stands there", "quick", Kind.None);
for (const compare of ["quick", "size", "checksum", "always"] as const) bench(`compare ${compare}`, compare, Kind.File);

Deno.bench("100,000 entries: the heartbeat asked", () => {
  const heartbeat = new Heartbeat(0);
  let flushes = 0;
  for (let index = 0; index < count; index++) {
    if (heartbeat.flushDue(index / 10, { ready: index % 5000, queued: index % 8, workers: 4 })) flushes++;
  }
  if (flushes === 0) throw new Error("Cannot be: nothing was handed on");
});

function bench(name: string, compare: CompareMode, dstKind: number): void {
  const job = { verb: "copy", compare, ignoreExisting: false } as const;
  Deno.bench(`100,000 entries: ${name}`, () => {
    let unchanged = 0;
    for (let index = 0; index < count; index++) {
      if (decide(kinds[index], dstKind, diffs[index], job) === "unchanged") unchanged++;
    }
    if (unchanged === count) throw new Error("Cannot be: some differ");
  });
}
