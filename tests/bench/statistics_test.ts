import { assert, assertEquals, assertThrows } from "@std/assert";
import { judge, median, ratioOf, summarize } from "../../bench/statistics.ts";

Deno.test("median takes the middle, or the mean of the two middle ones, in any order", () => {
  assertEquals(median([5, 1, 3]), 3);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertThrows(() => median([]), RangeError);
});

Deno.test("summary names the spread as a share of the median", () => {
  assertEquals(summarize([10, 8, 12, 10, 11]), { runs: 5, median: 10, min: 8, max: 12, spread: 0.4 });
});

Deno.test("a clear difference is told apart, with the ratio inside its interval", () => {
  const slow = [30, 31, 29, 30.5, 30.2];
  const fast = [10, 10.1, 9.9, 10.2, 9.8];
  const ratio = ratioOf(slow, fast);
  assertEquals(ratio.value, 30.2 / 10);
  assert(ratio.low <= ratio.value && ratio.value <= ratio.high);
  assertEquals(judge(ratio, 5), "above");
  assertEquals(judge(ratioOf(fast, slow), 5), "below");
});

Deno.test("samples that overlap are undecided", () => {
  assertEquals(judge(ratioOf([10, 12, 9, 11, 10], [10, 9, 12, 10, 11]), 5), "undecided");
});

Deno.test("fewer than five runs decide nothing, however far apart", () => {
  assertEquals(judge(ratioOf([30, 30, 30], [10, 10, 10]), 3), "undecided");
});

Deno.test("a bound other than 1 can be judged", () => {
  const ratio = ratioOf([20, 20, 20, 20, 20], [10, 10, 10, 10, 10]);
  assertEquals(judge(ratio, 5, 1.5), "above");
  assertEquals(judge(ratio, 5, 3), "below");
});

Deno.test("a slow round that hits both sides does not widen the interval", () => {
  const base = [10, 10, 40, 10, 10];
  const ratio = ratioOf(base.map((ms) => ms * 2), base);
  assertEquals([ratio.low, ratio.value, ratio.high], [2, 2, 2]);
});

Deno.test("the interval is the same each time it is computed", () => {
  const a = [3, 5, 4, 6, 5, 4];
  const b = [2, 3, 2, 4, 3, 2];
  assertEquals(ratioOf(a, b), ratioOf(a, b));
  assertThrows(() => ratioOf(a, [1]), RangeError);
});
