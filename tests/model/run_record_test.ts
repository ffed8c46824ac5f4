import { assertEquals } from "@std/assert";
import { sizeBounds, sizeClass } from "../../lib/model/run_record.ts";

Deno.test("every size has its place in the histogram", () => {
  for (const [i, bound] of sizeBounds.entries()) assertEquals([sizeClass(bound - 1), sizeClass(bound)], [i, i + 1]);
  assertEquals([sizeClass(0), sizeClass(2 ** 50)], [0, sizeBounds.length]);
});
