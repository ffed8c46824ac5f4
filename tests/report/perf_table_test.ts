import { assertEquals } from "@std/assert";
import type { LearntProfile, RunRecord } from "../../lib/model/run_record.ts";
import { alignColumns, sparkline } from "../../lib/report/columns.ts";
import { perfJson, perfLines, profileJson, profileLines } from "../../lib/report/perf_table.ts";

const MIB = 2 ** 20;

function run(fields: Partial<RunRecord> = {}): RunRecord {
  return {
    v: 1,
    time: "2026-02-03T14:05:06.789Z",
    version: "0.1.0",
    status: "ok",
    route: "streaming",
    route_reason: "100 files",
    predicted_planning_ms: 90,
    workload: { files: 100_000, bytes: 543 * MIB, sizes: [0, 100_000, 0, 0, 0, 0, 0], flags: [] },
    source: { kind: "ext4", network: false, device: "vda" },
    destination: { kind: "tmpfs", network: false },
    planning_ms: 120,
    copy_ms: 600,
    total_ms: 1000,
    bytes_by_method: { read_write: 500 * MIB, reflink: 43 * MIB },
    workers: 2,
    lanes: 0,
    shard_bytes: 0,
    stalls: 0,
    waits_ms: { planner: 0, source: 0, network: 0, destination: 0 },
    ...fields,
  };
}

Deno.test("runs are a table with trends below", () => {
  const records = [
    run(),
    run({ route: "tiny", status: "partial", planning_ms: 0.4, predicted_planning_ms: 5.1, total_ms: 2000, stalls: 3 }),
    run({ planning_ms: 100, predicted_planning_ms: 130 }),
  ];
  assertEquals(perfLines({ state: "enabled", records, unreadable: 1 }), [
    "Performance history: enabled, 3 runs, 1 unreadable line skipped",
    "",
    "When (UTC)        Route           File systems           Files     Size    Time       Rate  Planning  Predicted  Error",
    "2026-02-03 14:05  streaming       ext4 on vda > tmpfs  100,000  543 MiB  1.00 s  543 MiB/s    120 ms      90 ms   25 %",
    "2026-02-03 14:05  tiny (partial)  ext4 on vda > tmpfs  100,000  543 MiB  2.00 s  272 MiB/s      0 ms       5 ms      -",
    "2026-02-03 14:05  streaming       ext4 on vda > tmpfs  100,000  543 MiB  1.00 s  543 MiB/s    100 ms     130 ms   30 %",
    "",
    "Rate              █▁█  median 543 MiB/s, best 543 MiB/s",
    "Prediction error  ▁█   median 28 %",
    "Stalls            ▁█▁  3 in all",
  ]);
});

Deno.test("an empty history says whether it is on", () => {
  assertEquals(perfLines({ state: "disabled by settings", records: [], unreadable: 0 }), [
    "Performance history: disabled by settings, 0 runs",
  ]);
  assertEquals(perfLines({ state: "enabled", records: [], unreadable: 2 }), [
    "Performance history: enabled, 0 runs, 2 unreadable lines skipped",
  ]);
});

Deno.test("of a long history the newest 20 runs are shown", () => {
  const records = Array.from({ length: 30 }, (_, i) => run({ time: `2026-02-03T14:${i + 10}:00.000Z` }));
  const lines = perfLines({ state: "enabled", records, unreadable: 0 });
  assertEquals(lines[0], "Performance history: enabled, 30 runs");
  const times = lines.filter((line) => line.startsWith("2026")).map((line) => line.slice(11, 16));
  assertEquals([times.length, times[0], times[19]], [20, "14:20", "14:39"]);
});

Deno.test("a run that took no time and predicted nothing is no division by zero", () => {
  const lines = perfLines({ state: "enabled", records: [run({ total_ms: 0, planning_ms: 0 })], unreadable: 0 });
  assertEquals(lines.slice(-1), ["Rate  ▄  median 0 B/s, best 0 B/s"]);
});

Deno.test("JSON holds all runs as they were recorded", () => {
  const records = [run(), run({ stalls: 2 })];
  assertEquals(perfJson({ state: "enabled", records, unreadable: 3 }), {
    history: "enabled",
    runs: records,
    unreadable_lines: 3,
  });
});

const learnt: LearntProfile = {
  source: "ext4 on vda",
  destination: "nfs4 (network)",
  route: "streaming+checksum",
  runs: 12,
  ms_per_file: 0.00234567,
  ms_per_mib: 0.000987654,
  fixed_ms: 4.2345,
  median_error: 0.123,
  workers: 4,
  lanes: 1,
  shard_bytes: MIB,
  tiny_files: 32,
  tiny_bytes: 400 * MIB,
};

Deno.test("a profile tells what was learnt and what follows from it", () => {
  assertEquals(profileLines([learnt]), [
    "ext4 on vda > nfs4 (network), streaming+checksum: 12 runs",
    "  Planning  0.0023 ms a file, 0.00099 ms a MiB, 4.2 ms for any run, off by 12 % in the median",
    "            100,000 files of 1 GiB in all: about 240 ms",
    "  Starts    with 4 workers, 1 lane, shards of 1.00 MiB",
    "  Tiny      up to 32 files and 400 MiB",
  ]);
});

Deno.test("a young profile says so, and profiles are set apart", () => {
  const { median_error: _e, workers: _w, lanes: _l, shard_bytes: _s, ...young } = learnt;
  const lines = profileLines([learnt, { ...young, runs: 1 }]);
  assertEquals(lines.slice(5), [
    "",
    "ext4 on vda > nfs4 (network), streaming+checksum: 1 run",
    "  Planning  0.0023 ms a file, 0.00099 ms a MiB, 4.2 ms for any run",
    "            100,000 files of 1 GiB in all: about 240 ms",
    "  Starts    as the machine suggests",
    "  Tiny      up to 32 files and 400 MiB",
  ]);
  assertEquals(profileLines([]), ["Nothing was learnt yet: every run starts from the defaults"]);
  assertEquals(profileJson([learnt]), { profiles: [learnt] });
});

Deno.test("columns stand under each other, wide characters included", () => {
  assertEquals(alignColumns([["name", "n"], ["日本", "12"], ["a", "3"]], [0]), ["name   n", "日本  12", "a      3"]);
  assertEquals(alignColumns([["a", "b"], ["long", ""]], [0, 1]), ["a     b", "long"]);
  assertEquals(alignColumns([], []), []);
});

Deno.test("a sparkline runs from the smallest to the largest value", () => {
  assertEquals(sparkline([0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
  assertEquals(sparkline([5, 5]), "▄▄");
  assertEquals(sparkline([1e9, 0]), "█▁");
  assertEquals(sparkline([]), "");
});
