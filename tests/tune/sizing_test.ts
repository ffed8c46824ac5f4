import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import type { FileSystemFacts } from "../../lib/tune/file_system.ts";
import { chooseSizing, type SizingFacts, WORKERS_MAX } from "../../lib/tune/sizing.ts";
import { ext4, nfs } from "./sample.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const ssd: FileSystemFacts = { profile: ext4, disks: 1, queueDepth: 1023 };
const turning: FileSystemFacts = { profile: { ...ext4, rotational: true, device: "sda" }, disks: 1, queueDepth: 32 };
const share: FileSystemFacts = { profile: nfs, disks: 1 };

function facts(fields: Partial<SizingFacts> & { threads?: number; perCore?: number; quota?: number; memory?: number }) {
  const { threads = 8, perCore = 1, quota, memory = 64 * GIB, ...rest } = fields;
  return {
    machine: { threads, threadsPerCore: perCore, cpuQuota: quota, memoryBytes: memory },
    source: ssd,
    destination: ssd,
    requestedWorkers: 0,
    plaid: false,
    ...rest,
  };
}

const workers: [what: string, given: Parameters<typeof facts>[0], workers: number, reason: RegExp][] = [
  ["one for each processor", {}, 8, /8 processors$/],
  ["two on a machine with one", { threads: 1 }, 2, /1 processor$/],
  ["three for two cores with two threads each", { threads: 4, perCore: 2 }, 3, /4 processors on 2 cores$/],
  [
    "no more than Deno can run",
    { threads: 128, perCore: 2 },
    WORKERS_MAX,
    /128 processors on 64 cores, of 96 wished for$/,
  ],
  ["what a control group grants, rounded up", { quota: 2.5 }, 3, /a control group grants 2\.5 processors$/],
  ["two where a control group grants half a processor", { quota: 0.5 }, 2, /grants 0\.5 processors$/],
  ["more on a network file system", { threads: 2, source: share }, 8, /a network file system$/],
  ["one for each processor there too, if those are more", { threads: 12, destination: share }, 12, /12 processors$/],
  ["two on a disk that turns", { destination: turning }, 2, /sda turns$/],
  ["two for each disk of a RAID", { source: { ...turning, disks: 3 } }, 6, /sda turns$/],
  [
    "no more than the disk takes requests",
    { source: { ...ssd, queueDepth: 4 } },
    4,
    /nvme0n1 takes 4 requests at once$/,
  ],
  ["as many as asked for", { requestedWorkers: 1, source: share }, 1, /as asked for$/],
  ["as many as asked for, within limits", { requestedWorkers: 99 }, WORKERS_MAX, /as asked for, of 99 wished for$/],
  [
    "what earlier runs settled on",
    {
      settled: { runs: 5, workers: 5.4, lanes: 0, shardBytes: 0 },
      source: turning,
    },
    5,
    /what 5 earlier runs settled on$/,
  ],
  [
    "the default where earlier runs used none",
    { settled: { runs: 5, workers: 0, lanes: 0, shardBytes: 0 } },
    8,
    /8 processors$/,
  ],
  ["every thread for plaid", { threads: 16, perCore: 2, source: turning, plaid: true }, 16, /every thread/],
];

for (const [what, given, expected, reason] of workers) {
  Deno.test(`workers: ${what}`, () => {
    const sizing = chooseSizing(facts(given));
    assertEquals(sizing.workers, expected, sizing.reason);
    assertMatch(sizing.reason, reason);
  });
}

Deno.test("buffers: small for an SSD, larger for slow media, 32 MiB for plaid", () => {
  const buffer = (given: Parameters<typeof facts>[0]) => chooseSizing(facts(given)).bufferBytes;
  assertEquals(buffer({}), 256 * KIB);
  assertEquals(buffer({ source: share }), MIB);
  assertEquals(buffer({ destination: turning }), MIB);
  assertEquals(buffer({ plaid: true }), 32 * MIB);
});

Deno.test("buffers and ranges hold whole stripes of a RAID", () => {
  const raid = { ...turning, disks: 3, stripeBytes: 1536 * KIB };
  const { bufferBytes, rangeBytes } = chooseSizing(facts({ destination: raid }));
  assertEquals(bufferBytes, 1536 * KIB);
  assertEquals(rangeBytes % raid.stripeBytes, 0);
  assert(rangeBytes >= 64 * MIB && rangeBytes < 66 * MIB);
  assertEquals(chooseSizing(facts({})).rangeBytes, 64 * MIB);
  assertEquals(chooseSizing(facts({ source: { ...raid, stripeBytes: 100 * MIB } })).bufferBytes, 32 * MIB);
});

Deno.test("short of memory, buffers shrink before workers go", () => {
  const sized = (memory: number, plaid = false) => chooseSizing(facts({ memory, plaid }));
  assertEquals([sized(32 * MIB).workers, sized(32 * MIB).bufferBytes], [8, 256 * KIB]);
  assertEquals([sized(16 * MIB).workers, sized(16 * MIB).bufferBytes], [8, 128 * KIB]);
  assertEquals([sized(4 * MIB).workers, sized(4 * MIB).bufferBytes], [4, 64 * KIB]);
  assertEquals([sized(0).workers, sized(0).bufferBytes], [1, 64 * KIB]);
  assertEquals([sized(GIB, true).workers, sized(GIB, true).bufferBytes], [8, 8 * MIB]);
  assertMatch(sized(4 * MIB).reason, /^4 workers with buffers of 64\.0 KiB: 8 processors, of 8 wished for$/);
});

Deno.test("lanes and shards start from the defaults or from earlier runs, within limits", () => {
  const start = (lanes: number, shardBytes: number) => {
    const sizing = chooseSizing(facts({ settled: { runs: 3, workers: 2, lanes, shardBytes } }));
    return [sizing.lanes, sizing.shardBytes];
  };
  assertEquals([chooseSizing(facts({})).lanes, chooseSizing(facts({})).shardBytes], [2, MIB]);
  assertEquals(start(0, 0), [2, MIB]);
  assertEquals(start(3.4, 2 * MIB), [3, 2 * MIB]);
  assertEquals(start(400, 1), [16, 64 * KIB]);
  assertEquals(start(0.2, GIB), [1, 8 * MIB]);
});

Deno.test("whatever the machine, workers and buffers stay within limits and memory", () => {
  const amount = fc.integer({ min: 1, max: 1024 });
  fc.assert(
    fc.property(
      amount,
      amount,
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.boolean(),
      (threads, perCore, memory, plaid) => {
        const sizing = chooseSizing(facts({ threads, perCore, memory, plaid }));
        assert(sizing.workers >= 1 && sizing.workers <= WORKERS_MAX);
        assert(sizing.bufferBytes >= 64 * KIB && sizing.bufferBytes <= 32 * MIB);
        assert(sizing.workers === 1 || 2 * sizing.workers * sizing.bufferBytes <= memory / 8);
      },
    ),
  );
});
