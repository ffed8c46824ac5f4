import { assertEquals } from "@std/assert";
import type { Summary } from "../../lib/model/event.ts";
import { explanationLines, statsLines, summaryLines } from "../../lib/report/summary_text.ts";
import { summary } from "./sample.ts";

const context = { discard: false, directoriesMetadataOnly: 0 };

const cases: [name: string, changes: Partial<Summary>, lines: string[]][] = [
  ["a copy", {}, [
    "Copied 1,234 files, 3.20 GiB in 12.3 s, 266 MiB/s (reflink 2.10 GiB, read/write 1.10 GiB)",
    "Unchanged 56, deleted 0, failed 0",
  ]],
  ["one file", {
    filesCopied: 1,
    filesUnchanged: 0,
    bytesCopied: 4096,
    durationMs: 3,
    bytesByMethod: { read_write: 4096, reflink: 0 },
  }, [
    "Copied 1 file, 4.00 KiB in 3 ms, 1.30 MiB/s (read/write 4.00 KiB)",
    "Unchanged 0, deleted 0, failed 0",
  ]],
  ["nothing to do", { filesCopied: 0, bytesCopied: 0, bytesByMethod: {}, durationMs: 0 }, [
    "Copied 0 files, 0 B in 0 ms, 0 B/s",
    "Unchanged 56, deleted 0, failed 0",
  ]],
  ["a mirror with deletions and failures", {
    verb: "mirror",
    status: "partial",
    filesDeleted: 12,
    directoriesDeleted: 1,
    filesMetadataOnly: 4,
    failuresTotal: 2,
    bytesByMethod: {},
  }, [
    "Copied 1,234 files (4 metadata only), 3.20 GiB in 12.3 s, 266 MiB/s",
    "Unchanged 56, deleted 12 and 1 directory, failed 2",
  ]],
  ["a dry run", { verb: "mirror", dryRun: true, filesDeleted: 3 }, [
    "Would copy 1,234 files, 3.20 GiB (dry run, nothing was changed)",
    "Unchanged 56, would delete 3, failed 0",
  ]],
  ["a move", { verb: "move", filesRemoved: 1290, bytesByMethod: {} }, [
    "Copied 1,234 files, 3.20 GiB in 12.3 s, 266 MiB/s",
    "Unchanged 56, deleted 0, removed from the source 1,290, failed 0",
  ]],
  ["a dry run of a move", { verb: "move", dryRun: true, filesRemoved: 1290 }, [
    "Would copy 1,234 files, 3.20 GiB (dry run, nothing was changed)",
    "Unchanged 56, would delete 0, would remove from the source 1,290, failed 0",
  ]],
  ["a move by rename", { verb: "move", route: "rename", durationMs: 2 }, ["Moved by a plain rename in 2 ms"]],
  ["a check", {
    verb: "check",
    filesCopied: 30,
    directoriesCreated: 2,
    filesMetadataOnly: 2,
    filesUnchanged: 1200,
    filesDeleted: 4,
  }, [
    "Compared 1,290 files, 3.73 GiB in 12.3 s",
    "Equal 1,200, missing or different 30 and 2 directories (2 metadata only), only in destination 4, failed 0",
  ]],
  ["a long run", { bottleneck: "limited by the destination disk: writers waited 81 % of the time" }, [
    "Copied 1,234 files, 3.20 GiB in 12.3 s, 266 MiB/s (reflink 2.10 GiB, read/write 1.10 GiB)",
    "Unchanged 56, deleted 0, failed 0",
    "Limited by the destination disk: writers waited 81 % of the time",
  ]],
  ["an interruption", { status: "interrupted", bytesByMethod: {} }, [
    "Interrupted. Copied 1,234 files, 3.20 GiB in 12.3 s, 266 MiB/s",
    "Unchanged 56, deleted 0, failed 0",
  ]],
];

for (const [name, changes, lines] of cases) {
  Deno.test(`summary of ${name}`, () => assertEquals(summaryLines(summary(changes), context), lines));
}

Deno.test("summary of a check that found only a directory's metadata different", () => {
  const check = summary({ verb: "check", filesCopied: 0, directoriesCreated: 0, filesUnchanged: 1290 });
  assertEquals(
    summaryLines(check, { ...context, directoriesMetadataOnly: 1 })[1],
    "Equal 1,290, missing or different 0, other metadata on 1 directory, only in destination 0, failed 0",
  );
});

Deno.test("summary of reading only", () => {
  const read = summary({ bytesByMethod: { discarded: 3_435_973_836 } });
  assertEquals(
    summaryLines(read, { ...context, discard: true })[0],
    "Read 1,234 files, 3.20 GiB in 12.3 s, 266 MiB/s (discarded 3.20 GiB)",
  );
});

Deno.test("stats show exact bytes, and each method that was used", () => {
  assertEquals(statsLines(summary()), [
    "Route:                streaming (1,290 files, 3.73 GiB: beyond 8 files and 95.4 MiB)",
    "Planning:             42 ms (50 ms predicted)",
    "Files:                1,290",
    "Directories:          12",
    "Directories created:  3",
    "Total size:           3.73 GiB (4,000,000,000 bytes)",
    "Copied size:          3.20 GiB (3,435,973,836 bytes)",
    "  by reflink:         2.10 GiB (2,254,857,830 bytes)",
    "  by read/write:      1.10 GiB (1,181,116,006 bytes)",
    "Files per second:     100",
    "Time:                 12.3 s",
    "Workers:              2",
    "Stalls:               0",
  ]);
});

Deno.test("stats show what was measured beside", () => {
  const disks = [{ name: "nvme0n1", read: 2 ** 30, written: 512, inFlight: 3 }];
  const interfaces = [{ name: "eth0", received: 2048, sent: 2 ** 20 }];
  // 2 workers for 12.3 s; clocks of several threads may add up to more than there was.
  const waits = { planner: 1230, source: 2460, destination: 30_000 };
  assertEquals(statsLines(summary(), { io: { disks, interfaces }, waits }).slice(11), [
    "Workers:              2",
    "Waiting for:          source 10 %, destination 100 %, planner 5 %",
    "Stalls:               0",
    "Disk nvme0n1:         read 1.00 GiB/s, written 512 B/s",
    "Network eth0:         received 2.00 KiB/s, sent 1.00 MiB/s",
  ]);
});

Deno.test("a rename and a run without workers have nothing to say about routes and waiting", () => {
  const renamed = statsLines(summary({ route: "rename", routeReason: "", workers: 0 }), {
    waits: { planner: 0, source: 0, destination: 0 },
  });
  assertEquals([renamed[0], renamed.some((line) => line.startsWith("Waiting"))], [
    "Route:                rename",
    false,
  ]);
  assertEquals(explanationLines(summary({ route: "rename" })), []);
});

const explained: [what: string, changes: Partial<Summary>, lines: string[]][] = [
  ["planning and workers", { durationMs: 60_000 }, ["Planned in 42 ms (50 ms predicted), 2 workers"]],
  ["stalls", { durationMs: 60_000, workers: 1, stalls: 2 }, ["Planned in 42 ms (50 ms predicted), 1 worker, 2 stalls"]],
  ["a smile at 1.21 gigabits a second", { bytesCopied: 151_250_000, durationMs: 1000 }, [
    "Planned in 42 ms (50 ms predicted), 2 workers",
    "1.21 gigabits a second: great Scott!",
  ]],
  ["no smile below", { bytesCopied: 151_249_999, durationMs: 1000 }, ["Planned in 42 ms (50 ms predicted), 2 workers"]],
  ["no smile where nothing was copied", { dryRun: true }, ["Planned in 42 ms (50 ms predicted), 2 workers"]],
  ["no smile for a comparison", { verb: "check" }, ["Planned in 42 ms (50 ms predicted), 2 workers"]],
];

for (const [what, changes, lines] of explained) {
  Deno.test(`-v explains: ${what}`, () => assertEquals(explanationLines(summary(changes)), lines));
}
