import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dispatch } from "../../lib/command/dispatch.ts";
import type { EventSink } from "../../lib/model/event.ts";
import { summary } from "../report/sample.ts";
import { FakeContext, type Play, runLine, type World } from "./fake.ts";

const created: Play = ({ verb, dryRun }, sink) => {
  sink({ type: "entry", change: "create", kind: "file", path: "new", size: 1 });
  sink({ type: "failure", path: "bad", code: "EIO", message: "Cannot read: I/O error" });
  return summary({ verb, dryRun, status: "partial" });
};

/** Runs until it is told to stop. */
const endless: Play = async ({ verb, dryRun }, _sink, stopped) => {
  await stopped;
  return summary({ verb, dryRun, status: "interrupted" });
};

/** Long enough for the display to be drawn: three ticks at least. */
const slow: Play = async ({ verb, dryRun }) => {
  await new Promise((resolve) => setTimeout(resolve, 350));
  return summary({ verb, dryRun });
};

const formats: [line: string, stdout: RegExp, stderr: string][] = [
  ["copy a b", /^Copied .*\n.*failed 0\n$/, "blit: bad: Cannot read: I/O error\n"],
  ["copy -v a b", /^\+ new\nCopied /, "blit: bad: Cannot read: I/O error\n"],
  ["copy -n a b", /^\+ new\nWould copy /, "blit: bad: Cannot read: I/O error\n"],
  ["check a b", /^\+ new\nCompared /, "blit: bad: Cannot read: I/O error\n"],
  ["copy -q a b", /^$/, "blit: bad: Cannot read: I/O error\n"],
  ["check -q a b", /^$/, "blit: bad: Cannot read: I/O error\n"],
  ["copy --stats a b", /\nRoute: +streaming \(.*\)\n/, "blit: bad: Cannot read: I/O error\n"],
  ["copy --json a b", /^\{"command":"copy".*\}\n$/, "blit: bad: Cannot read: I/O error\n"],
  [
    "copy --json -n a b",
    /^\{"changes":\[\n\{"change":"create".*\}\n\],"command":"copy","dry_run":true.*\}\n$/,
    "blit: bad: Cannot read: I/O error\n",
  ],
  ["copy --ndjson a b", /^\{"type":"entry".*\}\n\{"type":"failure".*\}\n\{"type":"summary".*\}\n$/, ""],
  ["copy --workers=2 -q a b", /^$/, "[DEBUG] Worker limiter active\nblit: bad: Cannot read: I/O error\n"],
];

for (const [line, stdout, stderr] of formats) {
  Deno.test(`what is printed: ${line}`, async () => {
    const result = await runLine(line, { play: created });
    assertEquals(result.code, 2);
    assert(stdout.test(result.stdout), result.stdout);
    assertEquals(result.stderr, stderr);
  });
}

Deno.test("a JSON summary that was asked for is printed even with -q", async () => {
  assertEquals(JSON.parse((await runLine("copy -q --json a b")).stdout).status, "ok");
});

Deno.test("the first interrupt stops the job, says how to continue and ends with 130", async () => {
  const context = new FakeContext({ play: endless });
  const running = dispatch(["copy", "a", "b"], context);
  await until(() => context.jobs.length > 0);
  context.interrupt();
  assertEquals(await running, 130);
  assertEquals(context.exits, []);
  assertEquals(
    context.stderr.text,
    "blit: stopping (once more to stop at once)\nblit: interrupted; run the same command again to continue " +
      "(a large file begins anew unless both runs have --resume)\n",
  );
  assertStringIncludes(context.stdout.text, "Interrupted. Copied 1,234 files");
  assert(!context.listensForInterrupts);
});

Deno.test("a second interrupt ends the process at once, but not the echo of the first", async () => {
  const context = new FakeContext({ play: endless });
  let nowMs = 1000;
  context.nowMs = () => nowMs;
  const running = dispatch(["copy", "a", "b"], context);
  await until(() => context.jobs.length > 0);
  context.interrupt();
  nowMs += 20;
  context.interrupt();
  assertEquals(context.exits, []);
  nowMs += 1000;
  context.interrupt();
  assertEquals(context.exits, [130]);
  await running;
});

Deno.test("an interrupted job that changes nothing has nothing to continue", async () => {
  for (const line of ["copy -n a b", "check a b", "copy --null a"]) {
    const context = new FakeContext({ play: endless });
    const running = dispatch(line.split(" "), context);
    await until(() => context.jobs.length > 0);
    context.interrupt();
    assertEquals(await running, 130);
    assert(context.stderr.text.endsWith("\nblit: interrupted\n"), context.stderr.text);
  }
});

Deno.test("an interrupt that comes while the job is being started stops it too", async () => {
  class SlowStart extends FakeContext {
    override async startJob(...args: Parameters<FakeContext["startJob"]>) {
      this.interrupt();
      await Promise.resolve();
      return await super.startJob(...args);
    }
  }
  assertEquals(await dispatch(["copy", "a", "b"], new SlowStart({ play: endless })), 130);
});

Deno.test("an interrupted job has its JSON", async () => {
  const context = new FakeContext({ play: endless });
  const running = dispatch(["copy", "--json", "a", "b"], context);
  await until(() => context.jobs.length > 0);
  context.interrupt();
  assertEquals(await running, 130);
  assertEquals(JSON.parse(context.stdout.text).status, "interrupted");
});

const onTerminal: World = { terminal: { error: true }, play: slow };
const shown: [line: string, world: World, live: boolean][] = [
  ["copy a b", onTerminal, true],
  ["copy --json a b", onTerminal, true],
  ["copy --no-progress a b", onTerminal, false],
  ["copy -q a b", onTerminal, false],
  ["copy a b", { ...onTerminal, environment: { TERM: "dumb" } }, false],
  ["copy a b", { play: slow }, false],
  ["copy --progress a b", { play: slow }, false],
];

for (const [line, world, live] of shown) {
  const where = `${world.terminal?.error ? "on a terminal" : "elsewhere"} ${JSON.stringify(world.environment ?? {})}`;
  Deno.test(`${line} shows ${live ? "a" : "no"} live line ${where}`, async () => {
    const { code, stderr } = await runLine(line, world);
    assertEquals(code, 0);
    if (!live) return assertEquals(stderr, "");
    assertStringIncludes(stderr, "copying  1.24/3.10 GiB");
    assert(stderr.endsWith("\r\x1b[K"), "the line is cleared at the end");
    assert(!stderr.includes("\n"));
  });
}

const colours: [environment: Record<string, string>, coloured: boolean][] = [
  [{}, true],
  [{ NO_COLOR: "1" }, false],
  [{ NO_COLOR: "" }, true],
  [{ TERM: "dumb" }, false],
];

for (const [environment, coloured] of colours) {
  Deno.test(`on a terminal with ${JSON.stringify(environment)} changes are ${coloured ? "" : "not "}coloured`, async () => {
    const { stdout } = await runLine("copy -v a b", { terminal: { out: true }, play: created, environment });
    assertEquals(stdout.includes("\x1b[32m+"), coloured);
  });
}

Deno.test("a long list of changes reaches its reader while the job runs", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const play = async (_job: unknown, sink: EventSink) => {
    sink({ type: "entry", change: "create", kind: "file", path: "first" });
    await promise;
    return summary();
  };
  const context = new FakeContext({ play });
  const running = dispatch(["copy", "-v", "a", "b"], context);
  await until(() => context.stdout.text === "+ first\n");
  resolve();
  assertEquals(await running, 0);
});

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error("Waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
