import { assert, assertEquals } from "@std/assert";
import type { Route, RunFlag } from "../../lib/model/run_record.ts";
import { emptyPredictor, learn, type PredictorState } from "../../lib/tune/predictor.ts";
import { learntProfiles } from "../../lib/tune/profiles.ts";
import type { FirstLook } from "../../lib/native/paths.ts";
import { chooseRoute, tinyLimits } from "../../lib/tune/router.ts";
import { ext4, sampleRecord, xfs } from "./sample.ts";

const GIB = 2 ** 30;
const situation = { source: ext4, destination: xfs, flags: [] };

function look(files: number, bytes: number, largestBytes = bytes, complete = true): FirstLook {
  return { files, bytes, largestBytes, complete };
}

const cases: [what: string, flags: RunFlag[], seen: FirstLook, route: Route][] = [
  ["nothing at all", [], look(0, 0), "tiny"],
  ["one small file", [], look(1, 4096), "tiny"],
  ["8 files and 100 MB", [], look(8, 100_000_000), "tiny"],
  ["9 files", [], look(9, 9), "streaming"],
  ["8 files of more than 100 MB", [], look(8, 100_000_001, 50_000_000), "streaming"],
  ["few files of many that were not looked at", [], look(8, 8, 1, false), "streaming"],
  ["one file just below 1 GiB", [], look(1, GIB - 1), "streaming"],
  ["one file of 1 GiB", [], look(1, GIB), "huge"],
  ["a file of 1 GiB among many others", [], look(500, 2 * GIB, GIB, false), "huge"],
  ["one small file with deletion", ["delete"], look(1, 4096), "streaming"],
  ["one small file with checksums", ["checksum"], look(1, 4096), "streaming"],
  ["one file of 1 GiB with deletion", ["delete"], look(1, GIB), "streaming"],
  ["one file of 1 GiB with checksums", ["checksum"], look(1, GIB), "streaming"],
  ["one small file that is verified and synced", ["verify", "fsync"], look(1, 4096), "tiny"],
];

for (const [what, flags, seen, route] of cases) {
  Deno.test(`${what} takes the ${route} route`, () => {
    assertEquals(chooseRoute(emptyPredictor, { ...situation, flags }, seen).route, route);
  });
}

Deno.test("a decision gives its reason and its prediction", () => {
  const decision = chooseRoute(emptyPredictor, situation, look(9, 2048));
  assertEquals(decision.reason, "9 files, 2.00 KiB: beyond 8 files and 95.4 MiB");
  assert(decision.predictedPlanningMs > 5 && decision.predictedPlanningMs < 6);
  const reason = (flags: RunFlag[], seen: FirstLook) =>
    chooseRoute(emptyPredictor, { ...situation, flags }, seen).reason;
  assertEquals(reason([], look(1, 1)), "1 file, 1 B: within 8 files and 95.4 MiB");
  assertEquals(reason([], look(8, 100, 10, false)), "a tree, or more than 8 files");
  assertEquals(reason([], look(8, GIB)), "a file of 1.00 GiB");
  assertEquals(reason(["delete"], look(1, 1)), "deletions need the full plan");
  assertEquals(reason(["checksum"], look(1, 1)), "checksums need the full plan");
});

/** Runs of both routes whose planning took so long. */
function taught(tinyMs: number, streamingMs: number, runs: number): PredictorState {
  let state = emptyPredictor;
  for (let i = 0; i < runs; i++) {
    state = learn(state, sampleRecord({ files: 4, bytes: 1e5, planning_ms: tinyMs, route: "tiny" }));
    state = learn(state, sampleRecord({ files: 30, bytes: 1e6, planning_ms: streamingMs, route: "streaming" }));
  }
  return state;
}

Deno.test("the tiny limits rise where planning cost more in earlier runs", () => {
  const raised = (...figures: Parameters<typeof taught>) => tinyLimits(taught(...figures), situation).raised;
  assertEquals(raised(2, 2, 12), 1);
  assertEquals(raised(20, 2, 12), 1);
  assertEquals(raised(2, 10, 12), 4);
  assertEquals(raised(2, 400, 12), 8);
  assertEquals(raised(2, 10, 4), 1);
});

Deno.test("raised limits lead to the tiny route, say so, and show in the profile", () => {
  const state = taught(2, 10, 12);
  const decision = chooseRoute(state, situation, look(32, 1000));
  assertEquals(decision.route, "tiny");
  assertEquals(
    decision.reason,
    "32 files, 1000 B: within 32 files and 381 MiB, 4 times the default: planning cost more in earlier runs",
  );
  assertEquals(chooseRoute(state, situation, look(33, 1000)).route, "streaming");
  assertEquals(chooseRoute(state, { ...situation, flags: ["delete"] }, look(32, 1000)).route, "streaming");
  assertEquals(learntProfiles(state).map((profile) => profile.tiny_files), [32, 32]);
});
