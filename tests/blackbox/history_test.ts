/** The performance history as runs write it: what is in it, how to say no, and that it never stands in the way of a copy. */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary, fail } from "../support/expect.ts";
import { linux, root, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type Json, type RunOptions, startBlit } from "../support/program.ts";

/** Runs that record in `home`. */
function recordingIn(home: string): RunOptions {
  return { env: { XDG_CONFIG_HOME: home, BLIT_DISABLE_PERF_HISTORY: "" } };
}

async function prepared(): Promise<{ dir: TestDirectory; recording: RunOptions }> {
  const dir = await testDirectory();
  await dir.write({ "src/a-telling-name": "content", "src/below/another-one": new Uint8Array(70_000), "config": null });
  return { dir, recording: recordingIn(dir.at("config")) };
}

async function recordsIn(dir: TestDirectory): Promise<Json[]> {
  if (!await dir.exists("config/blit/perf_local.jsonl")) return [];
  const lines = (await dir.read("config/blit/perf_local.jsonl")).split("\n");
  assertEquals(lines.pop(), "", "the last line has its end");
  return lines.map((line) => JSON.parse(line));
}

testNeeding([linux], "each run leaves one record with what it measured, for its user only", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")], recording);
  assertExit(result, 0);
  const [record, ...more] = await recordsIn(dir);
  assertEquals(more, []);
  assertEquals(Object.keys(record).sort(), [
    "bytes_by_method",
    "copy_ms",
    "destination",
    "lanes",
    "planning_ms",
    "predicted_planning_ms",
    "route",
    "route_reason",
    "shard_bytes",
    "source",
    "stalls",
    "status",
    "time",
    "total_ms",
    "v",
    "version",
    "waits_ms",
    "workers",
    "workload",
  ]);
  const { summary } = result;
  assertEquals(record.workload, { files: 2, bytes: 70_007, sizes: [1, 0, 1, 0, 0, 0, 0], flags: [] });
  for (const name of ["status", "route", "route_reason", "workers", "stalls", "planning_ms", "predicted_planning_ms"]) {
    assertEquals(record[name], summary[name], name);
  }
  assertEquals(Object.keys(record.waits_ms).sort(), ["destination", "network", "planner", "source"]);
  for (const side of [record.source, record.destination]) assertEquals(typeof side.network, "boolean");
  const moved = Object.values(record.bytes_by_method as Record<string, number>).reduce((sum, bytes) => sum + bytes, 0);
  assertEquals(moved, 70_007);
  assert(Math.abs(Date.now() - Date.parse(record.time)) < 3_600_000, record.time);
  for (const [path, entry] of await dir.snapshot("config/blit")) {
    assertEquals(parseInt(entry.mode, 8) & 0o077, 0, `${path} is open to others`);
  }
});

testNeeding([linux], "no name of a file or directory is kept, whatever becomes of the run", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  await dir.write({ "dst/a-telling-name/in-the-way": "x" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], recording), 2);
  assertExit(await blit(["mirror", "--yes", "--exclude", "a-telling-*", dir.at("src/"), dir.at("dst2")], recording), 0);
  assertExit(await blit(["copy", dir.at("src/below/another-one"), dir.at("one-file")], recording), 0);
  const records = await recordsIn(dir);
  assertEquals(records.map((record) => record.status), ["partial", "ok", "ok"]);
  assertEquals(records.map((record) => record.route), ["streaming", "streaming", "tiny"]);
  const kept = await Promise.all((await dir.names("config/blit")).map((name) => dir.read(`config/blit/${name}`)));
  for (const name of ["telling", "another", "below", "in-the-way", "one-file", dir.path]) {
    assertEquals(kept.join("\n").includes(name), false, `${name} is in it`);
  }
});

testNeeding([linux], "dry runs and comparisons say that they were, and teach nothing", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  assertExit(await blit(["copy", "--dry-run", dir.at("src/"), dir.at("dst")], recording), 0);
  assertExit(await blit(["copy", "--plaid", dir.at("src/"), dir.at("dst")], recording), 0);
  assertExit(await blit(["check", dir.at("src/"), dir.at("dst")], recording), 0);
  assertEquals((await recordsIn(dir)).map((record) => record.workload.flags), [["dry_run"], ["plaid"], ["dry_run"]]);
  const profile = await blit(["profile", "--json"], recording);
  assertEquals(JSON.parse(profile.stdout), { history: "enabled", profiles: [] });
});

testNeeding([linux], "what runs teach changes the prediction, and both tables show it", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  const predicted: number[] = [];
  for (let i = 0; i < 4; i++) {
    const result = await blitJson(["copy", dir.at("src/"), dir.at(`dst${i}`)], recording);
    assertExit(result, 0);
    predicted.push(result.summary.predicted_planning_ms);
  }
  assert(new Set(predicted).size > 1, `always ${predicted[0]} ms`);
  const { profiles } = JSON.parse((await blit(["profile", "--json"], recording)).stdout);
  assertEquals(profiles.map((profile: Json) => [profile.route, profile.runs]), [["streaming", 4]]);
  const perf = await blit(["diagnostics", "perf"], recording);
  assertExit(perf, 0);
  if (!/^Performance history: enabled, 4 runs$/m.test(perf.stdout)) fail(perf, "no four runs");
  assertEquals(
    JSON.parse((await blit(["diagnostics", "perf", "--json"], recording)).stdout).runs,
    await recordsIn(dir),
  );
});

testNeeding([linux], "plaid warns in one line and copies as faithfully", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  const result = await blitJson(["copy", "--plaid", dir.at("src/"), dir.at("dst")], recording);
  assertExit(result, 0);
  assertEquals(result.stderr, "blit: --plaid is unstable and may overheat SSDs\n");
  assertExit(await blit(["check", "--checksum", dir.at("src/"), dir.at("dst")], recording), 0);
});

testNeeding([linux], "the environment's no leaves the configuration directory alone", async () => {
  const { dir } = await prepared();
  await using _ = dir;
  const env = { XDG_CONFIG_HOME: dir.at("config"), BLIT_DISABLE_PERF_HISTORY: "1" };
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], { env }), 0);
  assertEquals(await dir.names("config"), []);
});

testNeeding([linux], "disabled by its command, nothing is recorded until it is enabled again", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  const copyTo = async (name: string) => assertExit(await blit(["copy", dir.at("src/"), dir.at(name)], recording), 0);
  await copyTo("one");
  assertExit(await blit(["diagnostics", "perf", "--disable"], recording), 0);
  await copyTo("two");
  assertEquals((await recordsIn(dir)).length, 1);
  assertExit(await blit(["diagnostics", "perf", "--enable"], recording), 0);
  await copyTo("three");
  assertEquals((await recordsIn(dir)).length, 2);
  assertExit(await blit(["diagnostics", "perf", "--clear"], recording), 0);
  assertEquals(await recordsIn(dir), []);
});

testNeeding([linux], "20 runs at once leave 20 whole records", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  const runs = await Promise.all(
    Array.from(
      { length: 20 },
      (_, i) => startBlit(["copy", dir.at("src/"), dir.at(`dst${i}`)], { ...recording, unmeasured: true }),
    ),
  );
  for (const { result } of runs) assertExit(await result, 0);
  const records = await recordsIn(dir);
  assertEquals(records.map((record) => [record.status, record.workload.files]), Array(20).fill(["ok", 2]));
  const perf = JSON.parse((await blit(["diagnostics", "perf", "--json"], recording)).stdout);
  assertEquals([perf.runs.length, perf.unreadable_lines], [20, 0]);
  JSON.parse(await dir.read("config/blit/perf_predictor.json"));
  assertEquals((await dir.names("config/blit")).filter((name) => name.includes(".tmp")), []);
});

/** What may stand where blit keeps its configuration. */
const obstacles: [what: string, make: (dir: TestDirectory) => Promise<void>][] = [
  ["a file", (dir) => dir.write({ "config/blit": "a file" })],
  ["a dangling symlink", (dir) => dir.write({ "config/blit": { to: "/nowhere/at/all" } })],
  ["garbage", (dir) => {
    const garbage = new Uint8Array(5000).fill(0xff);
    const names = ["settings.json", "perf_local.jsonl", "perf_predictor.json", "perf_local.lock"];
    return dir.write(Object.fromEntries(names.slice(1).map((name) => [`config/blit/${name}`, garbage])));
  }],
  ["directories", (dir) =>
    dir.write({
      "config/blit/perf_local.jsonl/x": "",
      "config/blit/perf_predictor.json": null,
      "config/blit/perf_local.lock": null,
    })],
  [
    "fifos that nobody feeds",
    (dir) => dir.make("config/blit", ["fifo settings.json", "fifo perf_local.jsonl", "fifo perf_predictor.json"]),
  ],
  ["a fifo for a lock", (dir) => dir.make("config/blit", ["fifo perf_local.lock"])],
  [
    "symlinks that lead in a circle",
    (dir) =>
      dir.write({
        "config/blit/perf_local.jsonl": { to: "perf_local.jsonl" },
        "config/blit/perf_local.lock": { to: "perf_local.lock" },
      }),
  ],
];

for (const [what, make] of obstacles) {
  testNeeding([linux], `${what} in place of the configuration never fails a copy`, async () => {
    const { dir, recording } = await prepared();
    await using _ = dir;
    await make(dir);
    const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")], recording);
    assertExit(result, 0);
    assertSummary(result, { status: "ok", files_copied: 2, files_failed: 0 });
    assertEquals(result.stderr, "");
    assertEquals(await dir.names("dst"), ["a-telling-name", "below", "below/another-one"]);
  });
}

testNeeding([linux, root], "a configuration that its user can neither read nor write never fails a copy", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  await dir.giveAway();
  await dir.write({ "config/blit/perf_local.jsonl": "", "config/blit/settings.json": "{}" });
  for (const mode of [0o700, 0o755]) {
    await Deno.chmod(dir.at("config/blit"), mode);
    const result = await blitJson(["copy", dir.at("src/"), dir.at(`dst${mode}`)], { ...recording, unprivileged: true });
    assertExit(result, 0);
    assertSummary(result, { status: "ok", files_copied: 2 });
    assertEquals(result.stderr, "");
  }
  assertEquals(await dir.names("config/blit"), ["perf_local.jsonl", "settings.json"]);
});

testNeeding([linux], "-v says why a run was not recorded", async () => {
  const { dir, recording } = await prepared();
  await using _ = dir;
  await dir.write({ "config/blit": "a file" });
  const result = await blit(["copy", "-v", dir.at("src/"), dir.at("dst")], recording);
  assertExit(result, 0);
  assertSays(result, /^blit: The run was not recorded: /m);
});

testNeeding([linux], "without a home there is no history, and nothing fails", async () => {
  const { dir } = await prepared();
  await using _ = dir;
  const denoDir = new TextDecoder().decode(
    new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stdin: "null" }).outputSync().stdout,
  );
  const env = { HOME: "", XDG_CONFIG_HOME: "", BLIT_DISABLE_PERF_HISTORY: "", DENO_DIR: JSON.parse(denoDir).denoDir };
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], { env }), 0);
  const perf = await blit(["diagnostics", "perf"], { env });
  assertEquals(perf.stdout, "Performance history: no configuration directory, 0 runs\n");
});
