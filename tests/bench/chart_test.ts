import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { chartOf } from "../../bench/chart.ts";
import { blit, cp, floor, results, row, rsync } from "./sample_results.ts";

Deno.test("the chart names rows and contenders, and says how many times blit's time each took", () => {
  const svg = chartOf(results([row([blit, floor, rsync, cp]), row([blit], { workload: "nochange", place: "xfs" })]));
  assert(svg.startsWith("<svg"));
  for (const text of ["small100k (tmpfs)", "nochange (xfs)", "limit (C)", "rsync", "cp", "4", "0.93", "Some CPU"]) {
    assertStringIncludes(svg, `>${text}`);
  }
});

Deno.test("a row without blit is not drawn", () => {
  const svg = chartOf(results([row([blit, rsync]), row([rsync], { workload: "tiny" })]));
  assertEquals(svg.includes("tiny"), false);
});
