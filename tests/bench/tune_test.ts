import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { errorLimit, generatedErrors, replay } from "../../bench/predictor.ts";
import { runTune } from "../../bench/tune.ts";
import type { RunRecord } from "../../lib/model/run_record.ts";
import { appendRecord } from "../../lib/tune/history.ts";
import { testDirectory } from "../support/environment.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { sampleRecord } from "../tune/sample.ts";

function runs(count: number, fields: Parameters<typeof sampleRecord>[0] = {}): RunRecord[] {
  return Array.from({ length: count }, () => sampleRecord(fields));
}

Deno.test("only profiles with more than 10 runs that teach are judged, each for itself", () => {
  assertEquals(replay(runs(10)), []);
  const mixed = [...runs(14), ...runs(12, { route: "tiny" }), ...runs(30, { flags: ["dry_run"], route: "huge" })];
  assertEquals(replay(mixed).map(({ profile, runs }) => [profile, runs]), [
    ["ext4 on nvme0n1 > xfs on nvme1n1, streaming", 4],
    ["ext4 on nvme0n1 > xfs on nvme1n1, tiny", 2],
  ]);
});

Deno.test("runs that are all alike are foreseen, and those without a rule are not", () => {
  assert(replay(runs(20, { planning_ms: 400 }))[0].median < 0.02);
  const wild = Array.from({ length: 40 }, (_, i) => sampleRecord({ planning_ms: [1, 1000, 30][i % 3] }));
  assert(replay(wild)[0].median > errorLimit);
});

Deno.test("generated runs are the same each time and are foreseen within the limit", () => {
  const errors = generatedErrors();
  assertEquals(errors, generatedErrors());
  for (const { profile, median, within, machines } of errors) {
    assert(median < errorLimit && median > 0.01, `${profile}: ${median}`);
    assert(within > machines / 2, `${profile}: ${within} of ${machines}`);
  }
});

testNeeding([linux, command("cc")], "runs with a history are compared with runs without", async () => {
  await using dir = await testDirectory();
  for (const record of runs(12)) appendRecord(dir.at("history"), record);
  await dir.write({ place: null });
  let printed = "";
  await runTune({
    scale: 0.001,
    runs: 1,
    patienceMs: 1,
    only: ["nochange"],
    places: [dir.at("place")],
    placesGiven: true,
    history: dir.at("history"),
  }, { print: (text) => printed += text, status: () => {}, signal: new AbortController().signal });
  assertStringIncludes(printed, "met: ext4 on nvme0n1 > xfs on nvme1n1, streaming: median error");
  assertMatch(printed, /\nNo workload more than 3 % slower with history:\n {2}undecided: nochange in \S+: [\d.]+ \[/);
  assertEquals(await dir.names("place"), []);
});
