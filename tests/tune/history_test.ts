import { assert, assertEquals, assertThrows } from "@std/assert";
import { appendRecord, clearHistory, newestRecords, readHistory } from "../../lib/tune/history.ts";
import { decodeRecord, encodeRecord, LINE_MAX_BYTES } from "../../lib/tune/record_line.ts";
import { sampleRecord } from "./sample.ts";

function inTempDir(name: string, body: (dir: string) => void | Promise<void>): void {
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
  appendRecord(dir, record);
  appendRecord(dir, sampleRecord({ stalls: 1 }));
  assertEquals(readHistory(dir), { records: [record, sampleRecord({ stalls: 1 })], unreadable: 0 });
  if (Deno.build.os === "windows") return;
  assertEquals((await Deno.stat(dir)).mode! & 0o777, 0o700);
  assertEquals((await Deno.stat(path(dir))).mode! & 0o777, 0o600);
});

inTempDir("a history that does not exist is empty, and can be cleared", (dir) => {
  assertEquals(readHistory(dir), { records: [], unreadable: 0 });
  clearHistory(dir);
  appendRecord(dir, sampleRecord());
  clearHistory(dir);
  assertEquals(readHistory(dir), { records: [], unreadable: 0 });
});

inTempDir("unreadable lines are counted and do not hide the others", async (dir) => {
  appendRecord(dir, sampleRecord({ stalls: 1 }));
  const foreign = { ...sampleRecord(), v: 2 };
  const lines = ["{", "null", "[]", JSON.stringify(foreign), "", `{"v":1}`, "x".repeat(100_000), "\u0000\ufffd"];
  await Deno.writeTextFile(path(dir), `${lines.join("\n")}\n`, { append: true });
  appendRecord(dir, sampleRecord({ stalls: 2 }));
  const { records, unreadable } = readHistory(dir);
  assertEquals(records.map((record) => record.stalls), [1, 2]);
  assertEquals(unreadable, 7);
});

inTempDir("a line that a full disk cut short costs only itself", async (dir) => {
  appendRecord(dir, sampleRecord({ stalls: 1 }));
  await Deno.writeTextFile(path(dir), `{"v":1,"time":"2026`, { append: true });
  appendRecord(dir, sampleRecord({ stalls: 2 }));
  const { records, unreadable } = readHistory(dir);
  assertEquals(records.map((record) => record.stalls), [1, 2]);
  assertEquals(unreadable, 1);
});

inTempDir("each record stands behind the one before, and the newest come first when asked for", (dir) => {
  const lineBytes = encodeRecord(sampleRecord())!.length;
  for (let i = 0; i < 5; i++) {
    assertEquals(appendRecord(dir, sampleRecord({ stalls: i })), { start: i * lineBytes, end: (i + 1) * lineBytes });
  }
  assertEquals([...newestRecords(dir)].map((record) => record.stalls), [4, 3, 2, 1, 0]);
});

inTempDir("beyond half of the cap a file becomes the old one, and the records of the one before go", (dir) => {
  const lineBytes = encodeRecord(sampleRecord({ lanes: 10 }))!.length;
  for (let i = 10; i < 41; i++) appendRecord(dir, sampleRecord({ lanes: i }), 20 * lineBytes);
  const { records, unreadable } = readHistory(dir);
  assertEquals(unreadable, 0);
  // The 11th and the 22nd were too much.
  assertEquals(records.map((record) => record.lanes), Array.from({ length: 20 }, (_, i) => i + 21));
  assertEquals([...newestRecords(dir)], records.toReversed());
  const names = ["perf_local.jsonl", "perf_local.lock", "perf_local.old.jsonl"];
  assertEquals([...Deno.readDirSync(dir)].map((entry) => entry.name).sort(), names);
  clearHistory(dir);
  assertEquals(readHistory(dir).records, []);
});

inTempDir("nobody waits for the one who holds the lock, and nothing is lost meanwhile", async (dir) => {
  appendRecord(dir, sampleRecord(), 10);
  {
    using lock = await Deno.open(`${dir}/perf_local.lock`, { read: true, write: true });
    await lock.lock(true);
    for (let i = 1; i < 4; i++) appendRecord(dir, sampleRecord({ stalls: i }), 10);
    assertEquals(readHistory(dir).records.map((record) => record.stalls), [0, 1, 2, 3]);
  }
  appendRecord(dir, sampleRecord({ stalls: 4 }), 10);
  assertEquals(readHistory(dir).records.map((record) => record.stalls), [1, 2, 3, 4]);
});

for (const name of ["perf_local.jsonl", "perf_local.lock"]) {
  inTempDir(`a directory in the place of ${name} is an error, not a hang`, async (dir) => {
    await Deno.mkdir(`${dir}/${name}`, { recursive: true });
    assertThrows(() => appendRecord(dir, sampleRecord(), 10), Error, "not a regular file");
  });

  inTempDir(`a fifo in the place of ${name} is an error, not a hang`, async (dir) => {
    await Deno.mkdir(dir, { recursive: true });
    const made = await new Deno.Command("mkfifo", { args: [`${dir}/${name}`] }).output();
    assert(made.success);
    assertThrows(() => appendRecord(dir, sampleRecord(), 10), Error, "not a regular file");
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
