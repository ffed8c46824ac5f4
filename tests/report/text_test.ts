import { assert, assertEquals } from "@std/assert";
import type { JobEvent } from "../../lib/model/event.ts";
import { coloured, plain } from "../../lib/report/palette.ts";
import { type TextOptions, TextReporter } from "../../lib/report/text.ts";
import { progress, screenOn, summary } from "./sample.ts";

const options: TextOptions = {
  quiet: false,
  listChanges: false,
  explain: false,
  stats: undefined,
  discard: false,
  paintOut: plain,
  paintError: plain,
};

const events: JobEvent[] = [
  { type: "phase", phase: "copying" },
  { type: "planner", message: "route: streaming" },
  { type: "entry", change: "create", kind: "directory", path: "d" },
  { type: "entry", change: "create", kind: "file", path: "d/new", size: 3 },
  { type: "entry", change: "replace", kind: "file", path: "d/bad\udcff\nname" },
  { type: "entry", change: "metadata", kind: "directory", path: "." },
  { type: "entry", change: "link", kind: "file", path: "hard" },
  { type: "entry", change: "delete", kind: "symlink", path: "gone" },
  { type: "entry", change: "unchanged", kind: "file", path: "same" },
  { type: "failure", path: "d/x\udc80", code: "EACCES", message: "Cannot open: permission denied" },
  { type: "notice", kind: "xattr", message: "the destination cannot hold extended attributes" },
];

function report(changes: Partial<TextOptions>) {
  const { screen, stdout, stderr } = screenOn();
  const reporter = new TextReporter(screen, { ...options, ...changes });
  for (const event of events) reporter.event(event);
  screen.flush();
  const shown = [stdout.text, stderr.text];
  reporter.finish(summary());
  screen.flush();
  return { stdout: shown[0], stderr: shown[1], end: stdout.text.slice(shown[0].length) };
}

const changes = "+ d/\n+ d/new\n~ d/bad\\xff\\x0aname\n. ./\nh hard\n- gone\n";
const failure = "blit: d/x\\x80: Cannot open: permission denied\n";
const notice = "blit: the destination cannot hold extended attributes\n";

Deno.test("text: by default only failures and notices are said before the summary", () => {
  const { stdout, stderr, end } = report({});
  assertEquals([stdout, stderr], ["", failure + notice]);
  assertEquals(end.split("\n").length, 3);
});

Deno.test("text: changes are listed on request, unchanged entries never", () => {
  assertEquals(report({ listChanges: true }).stdout, changes);
});

Deno.test("text: decisions are explained on request", () => {
  assertEquals(report({ explain: true }).stderr, `blit: route: streaming\n${failure}${notice}`);
});

Deno.test("text: quiet leaves failures only", () => {
  assertEquals(report({ quiet: true }), { stdout: "", stderr: failure, end: "" });
});

Deno.test("text: colours surround the sign only", () => {
  const { stdout, stderr } = report({ listChanges: true, paintOut: coloured, paintError: coloured });
  assertEquals(stdout.split("\n")[0], "\x1b[32m+\x1b[0m d/");
  assertEquals(stderr.split("\n")[0], "\x1b[31mblit:\x1b[0m d/x\\x80: Cannot open: permission denied");
});

Deno.test("text: stats follow the summary, with what was measured on the way", () => {
  const disk = { name: "sda", read: 0, written: 3 * 1024, inFlight: 9 };
  const { screen, stdout } = screenOn();
  const reporter = new TextReporter(screen, {
    ...options,
    stats: { average: () => ({ disks: [disk], interfaces: [] }) },
  });
  reporter.progress(progress({ waits: { planner: 0, source: 2460, destination: 12_300 } }));
  reporter.finish(summary());
  screen.flush();
  const lines = stdout.text.split("\n");
  assert(lines[2].startsWith("Route: "), lines[2]);
  assertEquals(
    lines.find((line) => line.startsWith("Waiting")),
    "Waiting for:          source 10 %, destination 50 %, planner 0 %",
  );
  assertEquals(lines.at(-2), "Disk sda:             read 0 B/s, written 3.00 KiB/s");
});

Deno.test("text: decisions are summed up at the end on request", () => {
  assertEquals(report({ explain: true }).end.split("\n").slice(2), [
    "Planned in 42 ms (50 ms predicted), 2 workers",
    "2.23 gigabits a second: great Scott!",
    "",
  ]);
});
