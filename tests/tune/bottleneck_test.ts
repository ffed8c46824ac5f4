import { assertEquals } from "@std/assert";
import type { RunRecord } from "../../lib/model/run_record.ts";
import { bottleneckLine } from "../../lib/tune/bottleneck.ts";
import { nfs, sampleRecord } from "./sample.ts";

/** Two workers for ten seconds; waits in milliseconds. */
function run(waits: Partial<RunRecord["waits_ms"]>, fields: Partial<RunRecord> = {}): RunRecord {
  const none = { planner: 0, source: 0, network: 0, destination: 0 };
  return sampleRecord({ total_ms: 10_500, copy_ms: 10_000, workers: 2, waits_ms: { ...none, ...waits }, ...fields });
}

const cases: [what: string, run: RunRecord, line: string | undefined][] = [
  [
    "the destination disk",
    run({ destination: 16_200, source: 1000 }),
    "the destination disk: writers waited 81 % of the time",
  ],
  ["the source disk", run({ source: 12_000, destination: 4000 }), "the source disk: readers waited 60 % of the time"],
  ["the network", run({ network: 19_000 }), "the network: senders waited 95 % of the time"],
  ["planning", run({ planner: 8000 }), "planning: workers waited 40 % of the time for something to do"],
  [
    "the processors",
    run({ planner: 500, source: 500, destination: 800 }),
    "the processors: workers were busy 91 % of the time",
  ],
  [
    "a file server",
    run({ source: 10_000 }, { source: nfs }),
    "the source file server: readers waited 50 % of the time",
  ],
  [
    "memory",
    run({ destination: 10_000 }, { destination: { kind: "tmpfs", network: false } }),
    "the destination memory: writers waited 50 % of the time",
  ],
  ["the network, by clocks that overlap", run({ network: 25_000 }), "the network: senders waited 100 % of the time"],
];

for (const [what, record, line] of cases) {
  Deno.test(`a run may be limited by ${what}`, () => {
    assertEquals(bottleneckLine(record), `limited by ${line}`);
  });
}

Deno.test("of a short run, or one without workers, nothing is said", () => {
  assertEquals(bottleneckLine(run({ network: 3000 }, { total_ms: 2000 })), undefined);
  assertEquals(bottleneckLine(run({}, { workers: 0 })), undefined);
});
