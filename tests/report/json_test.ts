import { assert, assertEquals } from "@std/assert";
import { BlitError } from "../../lib/base/errors.ts";
import { pathFromBytes, pathToBytes } from "../../lib/base/path_bytes.ts";
import type { EntryEvent } from "../../lib/model/event.ts";
import { JsonReporter } from "../../lib/report/json.ts";
import { NdjsonReporter } from "../../lib/report/ndjson.ts";
import { progress, screenOn, summary } from "./sample.ts";

const expectedSummary = {
  command: "copy",
  dry_run: false,
  status: "partial",
  route: "streaming",
  route_reason: "1,290 files, 3.73 GiB: beyond 8 files and 95.4 MiB",
  predicted_planning_ms: 50.123,
  planning_ms: 0.457,
  workers: 2,
  stalls: 3,
  bottleneck: "limited by planning",
  files_total: 1290,
  files_copied: 1234,
  files_unchanged: 56,
  files_removed: 0,
  files_deleted: 0,
  files_failed: 1,
  files_not_tried: 0,
  files_metadata_only: 0,
  directories_total: 12,
  directories_created: 3,
  directories_deleted: 0,
  bytes_total: 4_000_000_000,
  bytes_copied: 3_435_973_836,
  bytes_by_method: {
    reflink: 2_254_857_830,
    copy_file_range: 0,
    read_write: 1_181_116_006,
    hole: 0,
    discarded: 0,
    network: 0,
    resumed: 0,
  },
  bytes_zero_copy: 0,
  lanes: 0,
  retransmits: 0,
  round_trip_ms: 0,
  tcp_fallback_used: false,
  duration_ms: 12_300,
  bytes_per_second: 279_347_466,
  failures_total: 1,
  failures: [{ path: "a\udcff", code: "EACCES", message: "Cannot open: permission denied" }],
  notices: ["no attributes"],
};

const partial = summary({
  status: "partial",
  predictedPlanningMs: 50.12345,
  planningMs: 0.4567,
  stalls: 3,
  bottleneck: "limited by planning",
  filesFailed: 1,
  failuresTotal: 1,
  failures: [{ path: "a\udcff", code: "EACCES", message: "Cannot open: permission denied" }],
  notices: ["no attributes"],
});

const created: EntryEvent = { type: "entry", change: "create", kind: "file", path: "x\udc80y", size: 5 };
const deleted: EntryEvent = { type: "entry", change: "delete", kind: "directory", path: "old" };
const unchanged: EntryEvent = { type: "entry", change: "unchanged", kind: "file", path: "same" };

Deno.test("json: one object on one line, every field in snake_case", () => {
  const { screen, stdout, stderr } = screenOn();
  const reporter = new JsonReporter(screen, { listChanges: false });
  reporter.event(created);
  reporter.finish(partial);
  screen.flush();
  assertEquals(JSON.parse(stdout.text), expectedSummary);
  assertEquals(stdout.text.split("\n").length, 2);
  assertEquals(stderr.text, "");
});

Deno.test("json: a run too short for a verdict says so by null", () => {
  const { screen, stdout } = screenOn();
  new JsonReporter(screen, { listChanges: false }).finish(summary());
  screen.flush();
  assertEquals(JSON.parse(stdout.text).bottleneck, null);
});

Deno.test("json: the changes come with the object, without those entries that stay", () => {
  const { screen, stdout } = screenOn();
  const reporter = new JsonReporter(screen, { listChanges: true });
  for (const event of [created, unchanged, deleted]) reporter.event(event);
  reporter.finish(partial);
  screen.flush();
  assertEquals(JSON.parse(stdout.text), {
    changes: [
      { change: "create", kind: "file", path: "x\udc80y", size: 5 },
      { change: "delete", kind: "directory", path: "old" },
    ],
    ...expectedSummary,
  });
});

Deno.test("json: a list without changes is an empty list", () => {
  const { screen, stdout } = screenOn();
  new JsonReporter(screen, { listChanges: true }).finish(partial);
  screen.flush();
  assertEquals(JSON.parse(stdout.text), { changes: [], ...expectedSummary });
});

Deno.test("json: a job that breaks off in the middle of its changes still leaves one object", () => {
  const { screen, stdout } = screenOn();
  const reporter = new JsonReporter(screen, { listChanges: true });
  reporter.event(created);
  reporter.fail(new BlitError("failed", "Cannot read the source: gone", "Mount it."));
  screen.flush();
  const { changes, ...rest } = JSON.parse(stdout.text);
  assertEquals(changes.length, 1);
  assertEquals(rest, {
    status: "failed",
    error: { code: "failed", message: "Cannot read the source: gone", hint: "Mount it." },
  });
});

Deno.test("json: failures are named on standard error too, since the summary holds only the first", () => {
  const { screen, stderr } = screenOn();
  new JsonReporter(screen, { listChanges: false }).event({ type: "failure", ...partial.failures[0] });
  assertEquals(stderr.text, "blit: a\\xff: Cannot open: permission denied\n");
});

Deno.test("json: the bytes of a name that is not UTF-8 come back from the text", () => {
  const name = new Uint8Array([0x61, 0xff, 0x80, 0xe4, 0xf0, 0x9f, 0x8e, 0x89, 0x0a, 0x22]);
  const { screen, stdout } = screenOn();
  new JsonReporter(screen, { listChanges: false }).finish(
    summary({ failures: [{ path: pathFromBytes(name), code: "EIO", message: "Cannot read: I/O error" }] }),
  );
  screen.flush();
  assert(stdout.text.includes("\\udcff\\udc80"), "the escape is ASCII");
  const bytes = new TextDecoder("utf-8", { fatal: true }).decode(new TextEncoder().encode(stdout.text));
  assertEquals(pathToBytes(JSON.parse(bytes).failures[0].path), name);
});

Deno.test("ndjson: each event but unchanged entries is a line, the summary the last", () => {
  const { screen, stdout } = screenOn();
  const reporter = new NdjsonReporter(screen);
  reporter.event({ type: "phase", phase: "scanning" });
  reporter.event(created);
  reporter.event(unchanged);
  reporter.event({ type: "failure", ...partial.failures[0] });
  reporter.event({ type: "notice", kind: "xattr", message: "no attributes" });
  reporter.finish(partial);
  screen.flush();
  assert(stdout.text.endsWith("\n"));
  assertEquals(stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { type: "phase", phase: "scanning" },
    { type: "entry", change: "create", kind: "file", path: "x\udc80y", size: 5 },
    { type: "failure", path: "a\udcff", code: "EACCES", message: "Cannot open: permission denied" },
    { type: "notice", kind: "xattr", message: "no attributes" },
    { type: "summary", ...expectedSummary },
  ]);
});

Deno.test("ndjson: progress comes once a second", () => {
  const { screen, stdout } = screenOn();
  const reporter = new NdjsonReporter(screen);
  const waits = { planner: 1.4, source: 2.5, destination: 0 };
  for (let at = 0; at <= 2500; at += 100) reporter.progress(progress({ waits }), at);
  screen.flush();
  const lines = stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.length, 2);
  assertEquals(lines[0], {
    type: "progress",
    phase: "copying",
    files_done: 12_345,
    files_total: 30_000,
    bytes_done: 1_335_000_000,
    bytes_total: 3_328_599_654,
    scan_complete: true,
    current_path: "photos/2024/summer/IMG_0001.jpg",
    workers: 2,
    waits_ms: { planner: 1, source: 3, destination: 0 },
  });
});

Deno.test("ndjson: a job that breaks off ends in a summary as well", () => {
  const { screen, stdout } = screenOn();
  new NdjsonReporter(screen).fail(new BlitError("interrupted", "Stopped"));
  screen.flush();
  assertEquals(JSON.parse(stdout.text), {
    type: "summary",
    status: "interrupted",
    error: { code: "interrupted", message: "Stopped" },
  });
});
