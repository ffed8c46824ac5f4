import { assert, assertEquals } from "@std/assert";
import { Planner } from "../../lib/session/planner.ts";

Deno.test("with nothing to hand on the next round is half a second away or more, however long it lasts", () => {
  const planner = new Planner(2, 0, () => {});
  for (let nowMs = 0; nowMs < 20_000;) {
    const waitMs = planner.round(nowMs, true);
    assert(waitMs >= 500, `${waitMs} ms at ${nowMs} ms`);
    nowMs += waitMs;
  }
});

Deno.test("work that comes meanwhile goes on at once where workers are idle", () => {
  const planner = new Planner(2, 0, () => {});
  planner.round(5000, false);
  let submitted = 0;
  planner.add({ entries: 3, submit: () => submitted++ });
  planner.round(5001, false);
  assertEquals([submitted, planner.outstanding], [1, 3]);
});
