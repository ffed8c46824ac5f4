import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { EventSink, Summary } from "../../lib/model/event.ts";
import { BlitError } from "../../lib/base/errors.ts";
import { summary } from "../report/sample.ts";
import { type Play, runLine, type World } from "./fake.ts";

const terminal = { in: true, out: true, error: true };

/** A mirror that deletes so many files and directories. */
function deleting(files: number, directories: number, changes: Partial<Summary> = {}): Play {
  return (job, sink: EventSink) => {
    for (let i = 0; i < files; i++) sink({ type: "entry", change: "delete", kind: "file", path: `old${i}` });
    for (let i = 0; i < directories; i++) sink({ type: "entry", change: "delete", kind: "directory", path: `dir${i}` });
    const { verb, dryRun } = job;
    return summary({ verb, dryRun, filesDeleted: files, directoriesDeleted: directories, ...changes });
  };
}

const unattended: World["terminal"][] = [
  {},
  { in: true },
  { error: true, out: true },
  { in: true, out: true },
];

for (const streams of unattended) {
  Deno.test(`without a terminal mirror needs --yes (terminals: ${Object.keys(streams ?? {}).join(" ") || "none"})`, async () => {
    const { code, jobs, stdout, stderr } = await runLine("mirror a b", { terminal: streams });
    assertEquals([code, jobs.length, stdout], [64, 0, ""]);
    assertEquals(
      stderr,
      'blit: `blit mirror` may delete in "b" and there is no terminal to ask on. Add --yes, or look first with --dry-run.\n',
    );
  });
}

for (const line of ["mirror a b --yes", "mirror -n a b"]) {
  Deno.test(`no terminal is needed for: ${line}`, async () => {
    const { code, jobs } = await runLine(line, { play: deleting(3, 1) });
    assertEquals([code, jobs.length, jobs[0].deletion.max], [0, 1, undefined]);
  });
}

Deno.test("--yes asks nothing on a terminal either", async () => {
  const { code, jobs, stderr } = await runLine("mirror -y a b", { terminal, play: deleting(3, 1) });
  assertEquals([code, jobs.length], [0, 1]);
  assert(!stderr.includes("Delete"));
});

Deno.test("a mirror that deletes nothing runs without a question, and may then delete nothing", async () => {
  const { code, jobs, stderr } = await runLine("mirror a b", { terminal, play: deleting(0, 0) });
  assertEquals([code, jobs.map((job) => job.dryRun), jobs[1].deletion.max], [0, [true, false], 0]);
  assert(!stderr.includes("Delete"));
});

const confirmed: [answer: string | undefined, runs: boolean][] = [
  ["y", true],
  ["Y", true],
  [" yes ", true],
  ["YES\r", true],
  ["n", false],
  ["", false],
  ["yep", false],
  [undefined, false],
];

for (const [answer, runs] of confirmed) {
  Deno.test(`the answer ${JSON.stringify(answer)} ${runs ? "deletes" : "touches nothing"}`, async () => {
    const answers = answer === undefined ? [] : [answer];
    const { code, jobs, stdout, stderr } = await runLine("mirror a b", { terminal, answers, play: deleting(2, 1) });
    assertEquals(jobs.map((job) => job.dryRun), runs ? [true, false] : [true]);
    assertEquals(code, runs ? 0 : 1);
    assertStringIncludes(stderr, '- old0\n- old1\n- dir0/\nDelete 2 files and 1 directory from "b"? [y/N] ');
    assertEquals(stderr.endsWith("blit: nothing was changed\n"), !runs);
    assertEquals(stdout !== "", runs);
  });
}

Deno.test("what was agreed to bounds what is deleted, below a --max-delete too", async () => {
  const run = (line: string) => runLine(line, { terminal, answers: ["y"], play: deleting(2, 1) });
  assertEquals((await run("mirror a b")).jobs[1].deletion, { scope: "subset", max: 3 });
  assertEquals((await run("mirror --max-delete 2 --delete-scope all a b")).jobs[1].deletion, { scope: "all", max: 2 });
  assertEquals((await run("mirror --max-delete 9 a b")).jobs[1].deletion.max, 3);
});

Deno.test("the preview shows the first 20 and counts all", async () => {
  const { stderr } = await runLine("mirror a b", { terminal, answers: ["n"], play: deleting(1500, 0) });
  assertEquals(stderr.split("\n").filter((line) => line.startsWith("- ")).length, 20);
  assertStringIncludes(stderr, '  ... and 1,480 more\nDelete 1,500 files from "b"? [y/N] ');
});

Deno.test("directories alone are asked for without files", async () => {
  const { stderr } = await runLine("mirror a b", { terminal, answers: ["n"], play: deleting(0, 2) });
  assertStringIncludes(stderr, 'Delete 2 directories from "b"? ');
});

Deno.test("the preview says nothing of its own: no summary, no events, no failures", async () => {
  const play: Play = (job, sink) => {
    sink({ type: "failure", path: "x", code: "EACCES", message: "Cannot open: permission denied" });
    return deleting(1, 0, { status: "partial" })(job, sink, Promise.resolve());
  };
  const { code, stdout, stderr } = await runLine("mirror --ndjson a b", { terminal, answers: ["y"], play });
  assertEquals(code, 2);
  assertEquals(stdout.trimEnd().split("\n").map((line) => JSON.parse(line).type), ["failure", "entry", "summary"]);
  assert(!stderr.includes("permission denied"));
});

Deno.test("a preview that is interrupted asks nothing and changes nothing", async () => {
  const { code, jobs, stderr } = await runLine("mirror a b", {
    terminal,
    play: deleting(2, 0, { status: "interrupted" }),
  });
  assertEquals([code, jobs.length], [130, 1]);
  assertStringIncludes(stderr, "blit: interrupted; nothing was changed\n");
});

Deno.test("a preview that fails is the end", async () => {
  const { code, jobs, stderr } = await runLine("mirror a b", {
    terminal,
    play: () => {
      throw new BlitError("failed", 'Cannot open "a": no such file');
    },
  });
  assertEquals([code, jobs.length, stderr], [1, 1, 'blit: Cannot open "a": no such file\n']);
});

Deno.test("names in the preview cannot disturb the terminal", async () => {
  const play: Play = ({ verb, dryRun }, sink) => {
    sink({ type: "entry", change: "delete", kind: "file", path: "x\x1b[2J\udcfe" });
    return summary({ verb, dryRun, filesDeleted: 1 });
  };
  const { stderr } = await runLine("mirror a b", { terminal, answers: ["n"], play });
  assertStringIncludes(stderr, "- x\\x1b[2J\\xfe\n");
});
