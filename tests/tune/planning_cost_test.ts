import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type CostModel, learnCost, predictionError, predictMs } from "../../lib/tune/planning_cost.ts";
import { median } from "../../lib/base/median.ts";
import { Figures } from "./generated.ts";

const MIB = 2 ** 20;
const start: CostModel = { perFile: 0.01, perMib: 0.001, fixed: 5, runs: 0, lastSurprise: 0 };

/** Predictions before each of `runs` runs, against what a quiet machine would have taken. */
function errors(
  figures: Figures,
  runs: number,
  workload: () => [files: number, bytes: number],
  coldFirst: number,
): number[] {
  const spread = () => figures.between(0.1, 10);
  const truth = { perFile: start.perFile * spread(), perMib: start.perMib * spread(), fixed: start.fixed * spread() };
  let model = start;
  return Array.from({ length: runs }, (_, run) => {
    const [files, bytes] = workload();
    const quiet = predictMs(truth, files, bytes) * figures.around(0.1);
    const outlier = figures.share() < 0.05 ? 5 : 1;
    const error = predictionError(predictMs(model, files, bytes), quiet);
    model = learnCost(model, files, bytes, quiet * (run === 0 ? coldFirst : outlier));
    return error;
  });
}

const anyWorkload = (figures: Figures) => (): [number, number] => {
  const files = figures.between(10, 1e6);
  return [files, files * figures.between(1e3, 1e6)];
};
const oneWorkload = (figures: Figures) => {
  const [files, bytes] = anyWorkload(figures)();
  return (): [number, number] => [files, bytes];
};

for (
  const [what, make] of [["one job run again and again", oneWorkload], ["jobs of every size", anyWorkload]] as const
) {
  Deno.test(`after 10 runs the median error is under 25 % for ${what}, the first one cold`, () => {
    const figures = new Figures(7);
    const medians = Array.from({ length: 100 }, () => median(errors(figures, 30, make(figures), 10).slice(10)));
    const good = medians.filter((value) => value < 0.25).length;
    assert(median(medians) < 0.15, `median of the medians ${median(medians)}`);
    assert(good >= 85, `only ${good} of 100 machines are predicted within 25 %`);
  });
}

Deno.test("one run moves the prediction towards what it took, and not beyond", () => {
  for (const measured of [2, 7, 12, 14, 16, 20, 50, 900]) {
    const before = predictMs(start, 1000, 0);
    const after = predictMs(learnCost(start, 1000, 0, measured), 1000, 0);
    if (measured > before) assert(after > before && after <= measured, `${measured}: ${after}`);
    if (measured < before) assert(after < before && after >= measured, `${measured}: ${after}`);
  }
});

Deno.test("an error of more than 25 % corrects more strongly than a smaller one", () => {
  const settled = { ...start, runs: 5, lastSurprise: 0.3 };
  const before = predictMs(settled, 1e5, 0);
  const part = (measured: number) =>
    Math.log(predictMs(learnCost(settled, 1e5, 0, measured), 1e5, 0) / before) / Math.log(measured / before);
  assertAlmostEquals(part(before * 1.2), 0.3, 0.02);
  assertAlmostEquals(part(before * 1.4), 0.6, 0.02);
});

Deno.test("a run teaches the coefficient that made up its time", () => {
  const files = learnCost(start, 1e6, 0, 20_000);
  assert(files.perFile > 1.3 * start.perFile && files.fixed < 1.01 * start.fixed);
  const single = learnCost(start, 1, 0, 10);
  assert(single.fixed > 1.2 * start.fixed && single.perFile < 1.01 * start.perFile);
  const bytes = learnCost(start, 1, 1e6 * MIB, 2000);
  assert(bytes.perMib > 1.3 * start.perMib && bytes.perFile < 1.01 * start.perFile);
});

Deno.test("a single surprise is only half believed, a second one of its kind is", () => {
  const trained: CostModel = { ...start, runs: 20, lastSurprise: 0.02 };
  const before = predictMs(trained, 1e5, 0);
  const once = learnCost(trained, 1e5, 0, before * 20);
  assert(predictMs(once, 1e5, 0) < 1.3 * before);
  const back = learnCost(once, 1e5, 0, before);
  assert(predictMs(back, 1e5, 0) < 1.2 * before);
  const twice = learnCost(once, 1e5, 0, before * 20);
  assert(predictMs(twice, 1e5, 0) > 3 * before);
});

Deno.test("figures that are none change nothing, and no figure leaves the sane ranges", () => {
  for (const bad of [NaN, Infinity, -1]) {
    assertEquals(learnCost(start, bad, 1, 1), start);
    assertEquals(learnCost(start, 1, bad, 1), start);
    assertEquals(learnCost(start, 1, 1, bad), start);
  }
  let high = start;
  let low = start;
  for (let i = 0; i < 100; i++) {
    high = learnCost(high, 1000, 1000 * MIB, 1e12);
    low = learnCost(low, 1000, 1000 * MIB, 0);
  }
  assertEquals([high.perFile <= 50, high.perMib <= 50, high.fixed <= 10_000], [true, true, true]);
  assertEquals([low.perFile >= 1e-5, low.perMib >= 1e-6, low.fixed >= 0.05], [true, true, true]);
});
