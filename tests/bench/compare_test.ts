import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { changesBetween, renderChanges } from "../../bench/compare.ts";
import { blit, contender, results, row, rsync } from "./sample_results.ts";

const times = (factor: number) => [700, 710, 690, 705, 695].map((ms) => ms * factor);

function compared(blitFactor: number, rsyncFactor = 1) {
  const walls = rsync.samples.map(({ wall_ms }) => wall_ms * rsyncFactor);
  const now = row([contender("blit", "blit", times(blitFactor)), contender("rsync", "peer", walls)]);
  return changesBetween(results([row([blit, rsync])]), results([now]));
}

Deno.test("a row that is more than 5 % slower is a regression, and the text says by how much", () => {
  const [change] = compared(1.2);
  assertEquals([change.judgement, change.regression, change.workload], ["slower", true, "small100k"]);
  assertEquals(change.ratio.value.toFixed(2), "1.20");
  const text = renderChanges([change], false);
  assertStringIncludes(text, "700 ms -> 840 ms");
  assertStringIncludes(text, "REGRESSION");
  assertStringIncludes(text, "1 of 1 rows are more than 5 % slower");
});

Deno.test("a row that is 4 % slower is slower, and no regression", () => {
  const [change] = compared(1.04);
  assertEquals([change.judgement, change.regression], ["slower", false]);
});

Deno.test("where everybody got slower it was the machine", () => {
  const [change] = compared(1.2, 1.2);
  assertEquals([change.judgement, change.regression], ["slower", false]);
  assertEquals(change.others.toFixed(2), "1.20");
  assertEquals(compared(1.2, 1.1)[0].regression, true);
});

Deno.test("a machine that got faster does not hide that blit stayed, and a faster blit is said", () => {
  assertEquals(compared(1, 0.5)[0].regression, false);
  assertEquals(compared(0.8)[0].judgement, "faster");
});

Deno.test("too few runs and wide spreads decide nothing", () => {
  const noisy = row([contender("blit", "blit", [700, 1400, 600, 1500, 800])]);
  assertEquals(changesBetween(results([row([blit])]), results([noisy]))[0].judgement, "undecided");
  const few = row([contender("blit", "blit", [1400, 1400])]);
  assertEquals(changesBetween(results([row([blit])]), results([few]))[0].regression, false);
});

Deno.test("rows that only one file has, and another scale, are not compared", () => {
  const elsewhere = results([row([blit], { place: "xfs" })]);
  assertEquals(changesBetween(results([row([blit])]), elsewhere), []);
  assertEquals(changesBetween(results([row([blit])]), { ...results([row([blit])]), scale: 0.1 }), []);
  assert(renderChanges([], false).startsWith("No row is in both files"));
});
