import { assert, assertEquals, assertRejects } from "@std/assert";
import { appendRecord, clearHistory, readHistory } from "../../lib/tune/history.ts";
import { decodeRecord, encodeRecord, LINE_MAX_BYTES } from "../../lib/tune/record_line.ts";
import { sampleRecord } from "./sample.ts";

function inTempDir(name: string, body: (dir: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const root = await Deno.makeTempDir({ prefix: "blit-history-" });
    try {
      await body(`${root}/config/blit`);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

const path = (dir: string) => `${dir}/perf_local.jsonl`;

inTempDir("a record comes back as it was, and its folder is the user's alone", async (dir) => {
  const record = sampleRecord({ flags: ["checksum", "delete"], predicted_planning_ms: 1.234 });
  await appendRecord(dir, record);
  await appendRecord(dir, sampleRecord({ stalls: 1 }));
  assertEquals(readHistory(dir), { records: [record, sampleRecord({ stalls: 1 })], unreadable: 0 });
  if (Deno.build.os === "windows") return;
  assertEquals((await Deno.stat(dir)).mode! & 0o777, 0o700);
  assertEquals((await Deno.stat(path(dir))).mode! & 0o777, 0o600);
});

inTempDir("a history that does not exist is empty, and can be cleared", async (dir) => {
  assertEquals(readHistory(dir), { records: [], unreadable: 0 });
  await clearHistory(dir);
  await appendRecord(dir, sampleRecord());
  await clearHistory(dir);
  assertEquals(readHistory(dir), { records: [], unreadable: 0 });
});

inTempDir("unreadable lines are counted and do not hide the others", async (dir) => {
  await appendRecord(dir, sampleRecord({ stalls: 1 }));
  const foreign = { ...sampleRecord(), v: 2 };
  const lines = ["{", "null", "[]", JSON.stringify(foreign), "", `{"v":1}`, "x".repeat(100_000), "\u0000\ufffd"];
  await Deno.writeTextFile(path(dir), `${lines.join("\n")}\n`, { append: true });
  await appendRecord(dir, sampleRecord({ stalls: 2 }));
  const { records, unreadable } = readHistory(dir);
  assertEquals(records.map((record) => record.stalls), [1, 2]);
  assertEquals(unreadable, 7);
});

inTempDir("a line that a full disk cut short costs only itself", async (dir) => {
  await appendRecord(dir, sampleRecord({ stalls: 1 }));
  await Deno.writeTextFile(path(dir), `{"v":1,"time":"2026`, { append: true });
  await appendRecord(dir, sampleRecord({ stalls: 2 }));
  const { records, unreadable } = readHistory(dir);
  assertEquals(records.map((record) => record.stalls), [1, 2]);
  assertEquals(unreadable, 1);
});

inTempDir("beyond the cap the oldest records go, whole", async (dir) => {
  const lineBytes = encodeRecord(sampleRecord())!.length;
  for (let i = 0; i < 21; i++) await appendRecord(dir, sampleRecord({ stalls: i % 10, lanes: i }), 20 * lineBytes);
  const { records, unreadable } = readHistory(dir);
  assertEquals(unreadable, 0);
  // The 20th was too much, as records from 10 on are a digit longer; 14 are three quarters of the cap; and one came after.
  assertEquals(records.map((record) => record.lanes), Array.from({ length: 15 }, (_, i) => i + 6));
  assertEquals([...Deno.readDirSync(dir)].map((entry) => entry.name).sort(), ["perf_local.jsonl", "perf_local.lock"]);
});

inTempDir("an append waits for a compaction, and gives up when that hangs", async (dir) => {
  await appendRecord(dir, sampleRecord());
  const before = await Deno.readTextFile(path(dir));
  using lock = await Deno.open(`${dir}/perf_local.lock`, { read: true, write: true });
  await lock.lock(true);
  await assertRejects(() => appendRecord(dir, sampleRecord({ stalls: 1 })), Error, "another process holds it");
  assertEquals(await Deno.readTextFile(path(dir)), before);

  const waiting = appendRecord(dir, sampleRecord({ stalls: 2 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(await Deno.readTextFile(path(dir)), before);
  await lock.unlock();
  await waiting;
  assertEquals(readHistory(dir).records.map((record) => record.stalls), [0, 2]);
});

inTempDir("appends do not wait for each other, but clearing waits for them", async (dir) => {
  await appendRecord(dir, sampleRecord());
  using lock = await Deno.open(`${dir}/perf_local.lock`, { read: true, write: true });
  await lock.lock(false);
  await appendRecord(dir, sampleRecord({ stalls: 1 }), 10);
  assertEquals(readHistory(dir).records.length, 2);
  const clearing = clearHistory(dir);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(readHistory(dir).records.length, 2);
  await lock.unlock();
  await clearing;
  assertEquals(readHistory(dir).records.length, 0);
});

for (const name of ["perf_local.jsonl", "perf_local.lock"]) {
  inTempDir(`a directory in the place of ${name} is an error, not a hang`, async (dir) => {
    await Deno.mkdir(`${dir}/${name}`, { recursive: true });
    await assertRejects(() => appendRecord(dir, sampleRecord()), Error, "not a regular file");
  });

  inTempDir(`a fifo in the place of ${name} is an error, not a hang`, async (dir) => {
    await Deno.mkdir(dir, { recursive: true });
    const made = await new Deno.Command("mkfifo", { args: [`${dir}/${name}`] }).output();
    assert(made.success);
    await assertRejects(() => appendRecord(dir, sampleRecord()), Error, "not a regular file");
  });
}

Deno.test("a record without end is not written and not believed", () => {
  const endless = sampleRecord({ route_reason: "x".repeat(LINE_MAX_BYTES) });
  assertEquals(encodeRecord(endless), undefined);
  assertEquals(decodeRecord(JSON.stringify(endless)), undefined);
});

const damaged: [what: string, change: Record<string, unknown>][] = [
  ["a route that does not exist", { route: "warp" }],
  ["a time that is none", { time: "yesterday" }],
  ["a status that does not exist", { status: "fine" }],
  ["a missing amount", { planning_ms: undefined }],
  ["an amount below zero", { copy_ms: -1 }],
  ["an amount that is a text", { total_ms: "5" }],
  ["an amount that is no number", { workers: null }],
  ["a place without a kind", { source: { network: false } }],
  ["a place that is a text", { destination: "ext4" }],
  ["a place that may turn", { source: { kind: "ext4", network: false, rotational: 1 } }],
  ["a histogram that is too short", { workload: { files: 1, bytes: 1, sizes: [1], flags: [] } }],
  ["an unknown flag", { workload: { files: 1, bytes: 1, sizes: [1, 0, 0, 0, 0, 0, 0], flags: ["fast"] } }],
  ["bytes by method that are a list", { bytes_by_method: [] }],
  ["bytes of a method that are a text", { bytes_by_method: { reflink: "1" } }],
  ["missing waiting times", { waits_ms: {} }],
];

for (const [what, change] of damaged) {
  Deno.test(`${what} makes a record unreadable`, () => {
    assertEquals(decodeRecord(JSON.stringify(sampleRecord())), sampleRecord());
    assertEquals(decodeRecord(JSON.stringify({ ...sampleRecord(), ...change })), undefined);
  });
}
