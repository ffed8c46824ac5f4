import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { BenchError } from "../../bench/failure.ts";
import { loadResults } from "../../bench/result.ts";
import { renderScale, type ScaleResults, type ScaleRow } from "../../bench/scale_result.ts";
import { runScale } from "../../bench/scale.ts";
import { absenceOf, roomMissing } from "../../bench/places.ts";
import { testDirectory } from "../support/environment.ts";
import { command, linux, type Need, testNeeding } from "../support/needs.ts";
import { unwatched } from "./surroundings.ts";

const memory: Need = {
  missing: await absenceOf("tmpfs") ?? await roomMissing("tmpfs", { bytes: 2 ** 27, entries: 3000 }),
};

testNeeding(
  [linux, command("cc"), memory],
  "each count is copied, mirrored and thinned out both ways, and what does not fit is skipped",
  async () => {
    await using dir = await testDirectory();
    let printed = "";
    await runScale(
      { counts: [30, 1200, 1e15], runs: 1, patienceMs: 1 },
      unwatched(dir.at("result.json"), (text) => printed += text),
    );
    const { rows, skipped_counts, complete }: ScaleResults = JSON.parse(await dir.read("result.json"));
    assert(complete);
    assertEquals(rows.map(({ entries, way, task }) => `${entries} ${way} ${task}`), [
      ...["30 local copy", "30 local no change", "30 local 1 % deleted"],
      ...["30 push copy", "30 push no change", "30 push 1 % deleted"],
      ...["1200 local copy", "1200 local no change", "1200 local 1 % deleted"],
      ...["1200 push copy", "1200 push no change", "1200 push 1 % deleted"],
    ]);
    for (const { failure, samples, daemon_peak_kib, way } of rows) {
      assertEquals([failure, samples.length, daemon_peak_kib.length], [undefined, 1, way === "push" ? 1 : 0]);
    }
    assertEquals(skipped_counts.map(({ entries }) => entries), [1e15]);
    assertMatch(printed, /1,000,000,000,000,000 entries: skipped, needs .* of memory/);
    await assertRejects(() => loadResults(dir.at("result.json")), BenchError, "schema scale-1");
  },
);

testNeeding([linux, command("cc"), memory], "the program that measures scale ends well, without a chart", async () => {
  await using dir = await testDirectory();
  const main = new URL("../../bench/main.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, ..."scale --counts 30 --runs 1 --wait-idle 0.1 --json".split(" "), dir.at("x.json")],
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assert(new TextDecoder().decode(stdout).endsWith(`results in ${dir.at("x.json")}\n`));
  assertEquals(await dir.names(), ["x.json"]);
});

function row(entries: number, wallMs: number, more: Partial<ScaleRow> = {}): ScaleRow {
  const sample = { wall_ms: wallMs, user_ms: 0, sys_ms: 0, peak_kib: 50 * 1024, other_ms: 0 };
  return { entries, task: "copy", way: "local", samples: [sample], daemon_peak_kib: [], ...more };
}

Deno.test("the table tells the cost of each entry, and of each beyond the next smaller count", () => {
  const pushed = row(1000, 30, { way: "push", daemon_peak_kib: [70 * 1024] });
  const lines = renderScale([row(1000, 20), pushed, row(11_000, 120)]).split("\n");
  assertMatch(lines[1], /^1,000 +copy +local +20.0 ms +20.0 µs +50.0 MiB$/);
  assertMatch(lines[2], /^11,000 +copy +local +120 ms +10.9 µs +10.0 µs +50.0 MiB$/);
  assertMatch(lines[3], /^1,000 +copy +push +30.0 ms +30.0 µs +50.0 MiB +70.0 MiB$/);
});

Deno.test("what failed stands below the table with its reason", () => {
  const text = renderScale([row(1000, 20, { failure: "exit code 1" })]);
  assertStringIncludes(text, "1,000 entries, copy, local: exit code 1");
  assertEquals(text.includes("20.0 ms"), false);
});
