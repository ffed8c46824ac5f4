/** What a job, its events and its figures cost on their way between two machines, to bytes and back. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
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

const eventCount = 1000;

const job: Job = {
  verb: "mirror",
  sources: [],
  dryRun: false,
  compare: "quick",
  ignoreExisting: false,
  filter: {
    rules: Array.from({ length: 10 }, (_, index) => ({ action: "exclude", pattern: `cache${index}/*.o` })),
    filesFrom: Array.from({ length: 1000 }, (_, index) => `folder${index % 10}/file${index}.dat`),
  },
  deletion: { scope: "subset" },
  bandwidthLimit: 0,
  fsync: false,
  verify: false,
  discard: false,
  oneWay: false,
  oneFileSystem: false,
  forceSpace: false,
  workers: 0,
  plaid: false,
  stallTimeoutMs: 10_000,
  itemize: true,
  network: defaultNetwork,
};

const events: readonly JobEvent[] = Array.from(
  { length: eventCount },
  (_, index) =>
    index % 100 === 0
      ? { type: "failure", path: `folder/file${index}`, code: "EACCES", message: "Cannot open it: permission denied" }
      : {
        type: "entry",
        change: "create",
        kind: "file",
        path: `folder${index % 10}/file${index}.dat`,
        size: index * 10,
      },
);

const progress: Progress = {
  phase: "copying",
  filesDone: 12_345,
  filesTotal: 100_000,
  bytesDone: 2 ** 33,
  bytesTotal: 2 ** 36,
  scanComplete: true,
  currentPath: "folder/file.dat",
  workers: 4,
  waits: { planner: 1, source: 2, destination: 3 },
  network: { lanes: 4, retransmits: 5, roundTripMs: 0.5 },
};

const summary: Summary = {
  verb: "mirror",
  dryRun: false,
  status: "partial",
  route: "streaming",
  routeReason: "more entries than a tiny job has",
  predictedPlanningMs: 10,
  planningMs: 12,
  workers: 4,
  stalls: 0,
  filesTotal: 100_000,
  filesCopied: 1000,
  filesUnchanged: 98_900,
  filesRemoved: 0,
  filesDeleted: 100,
  filesFailed: 100,
  filesMetadataOnly: 0,
  filesNotTried: 0,
  directoriesTotal: 1000,
  directoriesCreated: 10,
  directoriesDeleted: 1,
  bytesTotal: 2 ** 36,
  bytesCopied: 2 ** 33,
  bytesByMethod: { network: 2 ** 32, sendfile: 2 ** 32 },
  durationMs: 5000,
  failuresTotal: 100,
  failures: Array.from({ length: 100 }, (_, index) => ({
    path: `folder/file${index}`,
    code: "EACCES",
    message: "Cannot open it: permission denied",
  })),
  notices: ["The destination keeps no extended attributes"],
};

const jobBytes = toBinary(JobSchema, jobToWire(job));
const eventBytes = events.map((event) => toBinary(EventSchema, eventToWire(event)));
const progressBytes = toBinary(ProgressSchema, progressToWire(progress));
const summaryBytes = toBinary(SummarySchema, summaryToWire(summary));

bench("a job with a list of 1000 files", "to bytes", () => toBinary(JobSchema, jobToWire(job)));
bench("a job with a list of 1000 files", "and back", () => jobFromWire(fromBinary(JobSchema, jobBytes)));
bench("1000 events", "to bytes", () => events.map((event) => toBinary(EventSchema, eventToWire(event))));
bench("1000 events", "and back", () => eventBytes.map((bytes) => eventFromWire(fromBinary(EventSchema, bytes))));
bench("progress", "to bytes", () => toBinary(ProgressSchema, progressToWire(progress)));
bench("progress", "and back", () => progressFromWire(fromBinary(ProgressSchema, progressBytes)));
bench("a summary with 100 failures", "to bytes", () => toBinary(SummarySchema, summaryToWire(summary)));
bench(
  "a summary with 100 failures",
  "and back",
  () => summaryFromWire(fromBinary(SummarySchema, summaryBytes), job),
);

function bench(what: string, direction: string, body: () => unknown): void {
  Deno.bench(`${what}, ${direction}`, () => {
    if (body() === undefined) throw new Error("Cannot be: nothing came out");
  });
}
