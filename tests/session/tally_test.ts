import { assert, assertEquals } from "@std/assert";
import type { JobEvent } from "../../lib/model/event.ts";
import type { Job, Verb } from "../../lib/model/job.ts";
import { type Counters, Lost } from "../../lib/native/engine.ts";
import { Tally } from "../../lib/session/tally.ts";

function tallyOf(options: { verb?: Verb; itemize?: boolean } = {}): { tally: Tally; events: JobEvent[] } {
  const events: JobEvent[] = [];
  const job = { verb: "copy", itemize: false, dryRun: false, ...options } as Job;
  return { tally: new Tally(job, (event) => events.push(event)), events };
}

function counters(files: number, moved: number, reflink = 0): Counters {
  const bytesByMethod = {
    reflink,
    copy_file_range: 0,
    read_write: moved - reflink,
    hole: 0,
    discarded: 0,
    network: 0,
    sendfile: 0,
    resumed: 0,
  };
  return {
    bytesByMethod,
    files,
    bytesMoved: moved,
    idleMs: 0,
    sourceMs: 0,
    destinationMs: 0,
    ticks: 0,
    sizes: [],
  } as Counters;
}

const failed = { code: "EIO", message: "Cannot read: input/output error" };

Deno.test("a job without failures is ok, with one partial, and interrupted whatever else it is", () => {
  const { tally } = tallyOf();
  assertEquals([tally.summary(false).status, tally.summary(true).status], ["ok", "interrupted"]);
  tally.failure("a", failed);
  assertEquals([tally.summary(false).status, tally.summary(true).status], ["partial", "interrupted"]);
});

Deno.test("for check a difference makes the job partial, for the others it is their work", () => {
  for (const verb of ["copy", "mirror", "move", "check"] as const) {
    const { tally } = tallyOf({ verb });
    tally.entry("unchanged", "file", () => "a");
    assertEquals(tally.summary(false).status, "ok");
    tally.entry("create", "file", () => "b");
    assertEquals(tally.summary(false).status, verb === "check" ? "partial" : "ok");
  }
});

Deno.test("the path of an entry is made only where somebody wants to see it", () => {
  const quiet = tallyOf();
  quiet.tally.entry("create", "file", () => {
    throw new Error("nobody asked for the path");
  });
  assertEquals(quiet.events, []);
  const { tally, events } = tallyOf({ itemize: true });
  tally.entry("replace", "file", () => "a/b", 12);
  assertEquals(events, [{ type: "entry", change: "replace", kind: "file", path: "a/b", size: 12 }]);
});

Deno.test("every failure is counted and told, and the summary keeps a bounded number", () => {
  const { tally, events } = tallyOf();
  for (let i = 0; i < 2500; i++) tally.failure(`f${i}`, failed);
  const { failures, failuresTotal, filesFailed } = tally.summary(false);
  assertEquals([failuresTotal, filesFailed, events.length], [2500, 2500, 2500]);
  assertEquals([failures.length, failures[0]], [1000, { path: "f0", ...failed }]);
});

Deno.test("what the destination does not support is told once per kind and counted for every entry", () => {
  const { tally, events } = tallyOf();
  const unsupported = { code: "unsupported", message: "Cannot create the special file: operation not permitted" };
  for (const path of ["p1", "p2", "p3"]) tally.failure(path, unsupported);
  tally.failure("l1", { code: "unsupported", message: "Cannot create the symbolic link: operation not permitted" });
  assertEquals(events.map((event) => event.type), ["notice", "failure", "notice", "failure"]);
  const { failuresTotal, failures, notices } = tally.summary(false);
  assertEquals([failuresTotal, failures.map((failure) => failure.path), notices.length], [4, ["p1", "l1"], 2]);
});

Deno.test("what was lost is said once per kind", () => {
  const { tally, events } = tallyOf();
  tally.lost(0);
  assertEquals(events, []);
  tally.lost(Lost.Owner | Lost.Times);
  tally.lost(Lost.Owner);
  tally.lost(Lost.Xattr | Lost.Acl | Lost.Mode);
  assertEquals(events.map((event) => event.type === "notice" && event.kind), [
    "owner",
    "times",
    "xattr",
    "acl",
    "mode",
  ]);
  assertEquals(tally.summary(false).notices.length, 5);
});

Deno.test("a phase is told when it begins, not again", () => {
  const { tally, events } = tallyOf();
  for (const phase of ["scanning", "copying", "copying", "finishing"] as const) tally.setPhase(phase);
  assertEquals(events, [{ type: "phase", phase: "copying" }, { type: "phase", phase: "finishing" }]);
});

Deno.test("bytes of every engine of the job are added up by method", () => {
  const { tally } = tallyOf();
  tally.addCounters(counters(2, 100, 60));
  tally.addCounters(counters(1, 7));
  assertEquals(tally.summary(false).bytesByMethod, { reflink: 60, read_write: 47 });
  assertEquals(tally.progress(undefined, undefined).bytesDone, 107);
  assertEquals(tally.progress(counters(0, 5), undefined).bytesDone, 112);
});

Deno.test("progress never shows more bytes done than there are, nor fewer files than the engine has done", () => {
  const { tally } = tallyOf();
  tally.filesTotal = 10;
  assertEquals(tally.progress(undefined, undefined).bytesTotal, undefined);
  tally.filesCopied = 2;
  tally.filesUnchanged = 1;
  tally.filesFailed = 1;
  tally.bytesCopied = tally.bytesTotal = 200;
  const early = tally.progress(counters(2, 200), "dir/f");
  assertEquals([early.filesDone, early.bytesDone, early.currentPath], [4, 200, "dir/f"]);
  assertEquals(early.bytesTotal, 800); // six more files, of a hundred bytes each as far as anybody knows
  const ahead = tally.progress(counters(5, 2000), undefined);
  assertEquals(ahead.filesDone, 7);
  assert(ahead.bytesTotal! >= ahead.bytesDone);
});

Deno.test("a move done by one rename is one file copied and removed", () => {
  const { tally, events } = tallyOf({ verb: "move", itemize: true });
  tally.renamed("dir", "directory");
  const { route, filesCopied, filesRemoved, status } = tally.summary(false);
  assertEquals({ route, filesCopied, filesRemoved, status }, {
    route: "rename",
    filesCopied: 1,
    filesRemoved: 1,
    status: "ok",
  });
  assertEquals(events, [{ type: "entry", change: "create", kind: "directory", path: "dir", size: undefined }]);
});
