import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { median } from "../../lib/base/median.ts";
import type { RunRecord } from "../../lib/model/run_record.ts";
import { predictionError } from "../../lib/tune/planning_cost.ts";
import {
  emptyPredictor,
  isInstructive,
  learn,
  type PredictorState,
  predictPlanning,
  settledFor,
} from "../../lib/tune/predictor.ts";
import { learntProfiles } from "../../lib/tune/profiles.ts";
import { Figures } from "./generated.ts";
import { ext4, nfs, sampleRecord, xfs } from "./sample.ts";

const local = { source: ext4, destination: xfs, route: "streaming", flags: [] } as const;

function learnAll(records: readonly RunRecord[], state = emptyPredictor): PredictorState {
  return records.reduce(learn, state);
}

function repeated(count: number, fields: Parameters<typeof sampleRecord>[0]): RunRecord[] {
  return Array.from({ length: count }, () => sampleRecord(fields));
}

Deno.test("without history predictions are cautious: more for a network, a turning disk and checksums", () => {
  const predict = (situation: Parameters<typeof predictPlanning>[1]) =>
    predictPlanning(emptyPredictor, situation, 100_000, 2 ** 30);
  const turning = { ...ext4, rotational: true };
  const here = predict(local);
  // A warm scan of 100,000 files was measured at 120 to 300 ms.
  assert(here > 300 && here < 3000, `${here} ms`);
  assert(predict({ ...local, source: turning }) > 2 * here);
  assert(predict({ ...local, destination: nfs }) > 2 * predict({ ...local, source: turning }));
  assert(predict({ ...local, flags: ["checksum"] }) > here + 1000);
});

Deno.test("after 10 runs of a profile the median error is under 25 %", () => {
  const figures = new Figures(3);
  for (const millisecondsPerFile of [0.0015, 0.02, 0.4]) {
    let state = emptyPredictor;
    const errors: number[] = [];
    for (let run = 0; run < 20; run++) {
      const files = Math.round(figures.between(100, 200_000));
      const bytes = Math.round(files * figures.between(1e3, 1e5));
      const planning_ms = (files * millisecondsPerFile + 3) * figures.around(0.1) * (run === 0 ? 8 : 1);
      if (run >= 10) errors.push(predictionError(predictPlanning(state, local, files, bytes), planning_ms));
      state = learn(state, sampleRecord({ files, bytes, planning_ms }));
    }
    assert(median(errors) < 0.25, `${millisecondsPerFile} ms a file: ${median(errors)}`);
  }
});

Deno.test("what one disk taught helps with the next of its kind, and not with others", () => {
  const state = learnAll(repeated(12, { files: 1e5, planning_ms: 100 }));
  const predict = (situation: Parameters<typeof predictPlanning>[1]) => predictPlanning(state, situation, 1e5, 1e6);
  const near = predict({ ...local, source: { ...ext4, device: "sdb" } });
  assertAlmostEquals(near, 100, 15);
  assertEquals(near, predict({ ...local, source: { ...ext4, device: undefined } }));
  const untaught = predictPlanning(emptyPredictor, local, 1e5, 1e6);
  assertEquals(predict({ ...local, source: { ...ext4, kind: "btrfs" } }), untaught);
  assertEquals(predict({ ...local, route: "huge" }), untaught);
  assert(predict({ ...local, flags: ["checksum"] }) >= untaught);
  assert(predict({ ...local, source: { ...ext4, network: true } }) > untaught);
});

Deno.test("only whole runs at their own speed teach", () => {
  assertEquals(isInstructive(sampleRecord({ flags: ["delete", "checksum", "verify", "fsync"] })), true);
  for (const flag of ["dry_run", "discard", "bandwidth_limit", "workers_limit", "plaid"] as const) {
    assertEquals(isInstructive(sampleRecord({ flags: ["delete", flag] })), false, flag);
  }
  for (const status of ["partial", "failed", "interrupted"] as const) {
    assertEquals(isInstructive(sampleRecord({ status })), false, status);
  }
  assertEquals(learnAll(repeated(3, { flags: ["plaid"] })), emptyPredictor);
});

Deno.test("the next run starts where three long ones settled, on average", () => {
  const long = { copy_ms: 5000, workers: 4, lanes: 2, shard_bytes: 1e6 };
  assertEquals(settledFor(learnAll(repeated(2, long)), local), undefined);
  assertEquals(settledFor(learnAll(repeated(3, long)), local), { runs: 3, workers: 4, lanes: 2, shardBytes: 1e6 });
  const more = learnAll([...repeated(3, long), sampleRecord({ ...long, workers: 14, lanes: 0, shard_bytes: 0 })]);
  assertEquals(settledFor(more, local), { runs: 4, workers: 7, lanes: 2, shardBytes: 1e6 });
  assertEquals(settledFor(learnAll(repeated(9, { ...long, copy_ms: 100 })), local), undefined);
});

Deno.test("of very many pairs those that were not used for longest are forgotten", () => {
  let state = emptyPredictor;
  const disk = (i: number) => ({ ...ext4, device: `sd${i}` });
  for (let i = 0; i < 300; i++) state = learn(state, sampleRecord({ source: disk(i) }));
  assertEquals(state.pairs.size, 128);
  const known = learntProfiles(state).map((profile) => profile.source);
  assertEquals(known.length, 127);
  assertEquals(known.slice(0, 2), ["ext4 on sd299", "ext4 on sd298"]);
});

Deno.test("a profile tells what was learnt and where the next run starts", () => {
  const state = learnAll(repeated(20, { files: 1e5, planning_ms: 100, copy_ms: 5000, workers: 3, source: nfs }));
  const [profile, ...others] = learntProfiles(state);
  assertEquals(others, []);
  assertEquals(
    [profile.source, profile.destination, profile.route, profile.runs, profile.workers, profile.lanes],
    ["nfs4 (network)", "xfs on nvme1n1", "streaming", 20, 3, undefined],
  );
  assert(profile.median_error! < 0.05);
  assertEquals([profile.tiny_files, profile.tiny_bytes], [8, 100_000_000]);
});

Deno.test("the error of the defaults is not held against a profile", () => {
  const [once] = learntProfiles(learnAll(repeated(1, {})));
  assertEquals(once.median_error, undefined);
  const [twice] = learntProfiles(learnAll([sampleRecord({ planning_ms: 1e4 }), sampleRecord({ planning_ms: 7 })]));
  assert(twice.median_error! < 1, `${twice.median_error}`);
});
