/** What a job, its events and its result are at one end they are at the other. */

import { assertEquals, assertThrows } from "@std/assert";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { BlitError } from "../../lib/base/errors.ts";
import type { JobEvent, Progress, Summary } from "../../lib/model/event.ts";
import { defaultNetwork, type Job } from "../../lib/model/job.ts";
import {
  eventFromWire,
  eventToWire,
  progressFromWire,
  progressToWire,
  summaryFromWire,
  summaryToWire,
} from "../../lib/wire/event_codec.ts";
import { EventSchema, JobSchema, ProgressSchema, SummarySchema } from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { jobFromWire, jobToWire } from "../../lib/wire/job_codec.ts";
import { progress as sampleProgress, summary as sampleSummary } from "../report/sample.ts";

const count = fc.nat();
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
/** Names as PEP 383 strings: bytes that are not UTF-8 are lone surrogates. */
const path = fc.array(fc.constantFrom("a", "ü", "😀", " ", "\udcff", "\udc80x"), { minLength: 1, maxLength: 8 }).map((
  parts,
) => parts.join("/"));

const job: fc.Arbitrary<Job> = fc.record({
  verb: fc.constantFrom("copy", "mirror", "move", "check"),
  sources: fc.constant([]),
  dryRun: fc.boolean(),
  compare: fc.constantFrom("quick", "size", "checksum", "always"),
  ignoreExisting: fc.boolean(),
  filter: fc.record({
    rules: fc.array(fc.record({ action: fc.constantFrom("include", "exclude"), pattern: path })),
    filesFrom: maybe(fc.array(path)),
    minSize: maybe(count),
    maxSize: maybe(count),
    minAgeMs: maybe(count),
    maxAgeMs: maybe(count),
  }),
  deletion: fc.record({ scope: fc.constantFrom("subset", "all"), max: maybe(count) }),
  backupDir: maybe(path),
  bandwidthLimit: count,
  fsync: fc.boolean(),
  verify: fc.boolean(),
  discard: fc.constant(false),
  oneWay: fc.boolean(),
  oneFileSystem: fc.boolean(),
  forceSpace: fc.boolean(),
  workers: fc.nat(256),
  plaid: fc.constant(false),
  stallTimeoutMs: fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.constant(Infinity)),
  itemize: fc.boolean(),
  network: fc.constantFrom("", "bbr", "cubic", "reno").map((congestion) => ({ ...defaultNetwork, congestion })),
}) as never;

Deno.test("a job survives, its paths on the two sides apart", () => {
  fc.assert(fc.property(job, (before) => {
    assertEquals(jobFromWire(fromBinary(JobSchema, toBinary(JobSchema, jobToWire(before)))), {
      ...before,
      backupDir: before.backupDir,
    });
  }));
});

Deno.test("a job with values that are not known is refused", () => {
  const good = { verb: "copy", compare: "quick" };
  jobFromWire(create(JobSchema, good));
  for (
    const wrong of [{ verb: "format" }, { compare: "guess" }, { congestionControl: "magic" }, { maxDelete: 1n << 60n }]
  ) {
    assertThrows(() => jobFromWire(create(JobSchema, { ...good, ...wrong })), BlitError, "Cannot begin the job");
  }
});

const kind = fc.constantFrom("file", "directory", "symlink", "fifo", "socket", "char_device", "block_device");
const event: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.record({
    type: fc.constant("entry"),
    change: fc.constantFrom("create", "replace", "metadata", "link", "delete", "unchanged"),
    kind,
    path,
    size: maybe(count),
  }),
  fc.record({
    type: fc.constant("failure"),
    path,
    code: fc.constant("EACCES"),
    message: fc.string({ unit: "grapheme" }),
  }),
  fc.record({ type: fc.constant("notice"), kind: fc.constant("acl"), message: fc.string({ unit: "grapheme" }) }),
  fc.record({ type: fc.constant("phase"), phase: fc.constantFrom("scanning", "copying", "deleting", "finishing") }),
  fc.record({ type: fc.constant("planner"), message: fc.string({ unit: "grapheme" }) }),
) as never;

Deno.test("an event survives", () => {
  fc.assert(fc.property(event, (before) => {
    assertEquals(eventFromWire(fromBinary(EventSchema, toBinary(EventSchema, eventToWire(before)))), before);
  }));
});

Deno.test("an event of a kind that is not known here is passed over", () => {
  assertEquals(eventFromWire(create(EventSchema, {})), undefined);
});

const progress: fc.Arbitrary<Progress> = fc.record({
  phase: fc.constantFrom("scanning", "copying", "deleting", "finishing"),
  filesDone: count,
  filesTotal: count,
  bytesDone: count,
  bytesTotal: maybe(count),
  scanComplete: fc.boolean(),
  currentPath: maybe(path),
  workers: fc.nat(100),
  waits: fc.record({ planner: count, source: count, destination: count }),
  network: fc.record({ lanes: fc.nat(16), retransmits: count, roundTripMs: count }),
}) as never;

Deno.test("live figures survive", () => {
  fc.assert(fc.property(progress, (before) => {
    assertEquals(
      progressFromWire(fromBinary(ProgressSchema, toBinary(ProgressSchema, progressToWire(before)))),
      before,
    );
  }));
});

const summary: fc.Arbitrary<Summary> = fc.record({
  verb: fc.constant("copy"),
  dryRun: fc.constant(true),
  status: fc.constantFrom("ok", "partial", "failed", "interrupted"),
  route: fc.constant("streaming"),
  routeReason: fc.string({ unit: "grapheme" }),
  predictedPlanningMs: count,
  planningMs: count,
  workers: fc.nat(100),
  stalls: fc.nat(100),
  bottleneck: maybe(fc.string({ unit: "grapheme" })),
  filesTotal: count,
  filesCopied: count,
  filesUnchanged: count,
  filesRemoved: count,
  filesDeleted: count,
  filesFailed: count,
  filesMetadataOnly: count,
  filesNotTried: count,
  directoriesTotal: count,
  directoriesCreated: count,
  directoriesDeleted: count,
  bytesTotal: count,
  bytesCopied: count,
  bytesByMethod: fc.record({ network: count, hole: count }),
  lanes: fc.nat(16),
  retransmits: count,
  roundTripMs: count,
  bytesZeroCopy: count,
  tcpFallbackUsed: fc.boolean(),
  durationMs: count,
  failuresTotal: count,
  failures: fc.array(fc.record({ path, code: fc.constant("EIO"), message: fc.string({ unit: "grapheme" }) })),
  notices: fc.array(fc.string({ unit: "grapheme" })),
}).map((made) => made.status === "ok" ? { ...made, filesFailed: 0, failuresTotal: 0, failures: [] } : made) as never;

Deno.test("a summary survives", () => {
  fc.assert(fc.property(summary, (before) => {
    const there = fromBinary(SummarySchema, toBinary(SummarySchema, summaryToWire(before)));
    assertEquals(summaryFromWire(there, before), before);
  }));
});

Deno.test("sums of sizes that a source made up travel as the most that a field holds", () => {
  const most = 2n ** 64n - 1n;
  const made = summaryToWire(sampleSummary({ bytesTotal: 50 * 2 ** 62 }));
  assertEquals(fromBinary(SummarySchema, toBinary(SummarySchema, made)).bytesTotal, most);
  const live = progressToWire({ ...sampleProgress(), bytesTotal: 50 * 2 ** 62 });
  assertEquals(fromBinary(ProgressSchema, toBinary(ProgressSchema, live)).bytesTotal, most);
});
