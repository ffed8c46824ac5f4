import { assertEquals } from "@std/assert";
import { Heartbeat, type Load, planningLine } from "../../lib/plan/heartbeat.ts";

/** Workers have enough to do. */
const busy = (ready: number): Load => ({ ready, queued: 8, workers: 2 });
const starving = (ready: number): Load => ({ ready, queued: 1, workers: 2 });

/** A heartbeat whose first flush is past, at 0 ms. */
function running(options?: ConstructorParameters<typeof Heartbeat>[1]): Heartbeat {
  const heartbeat = new Heartbeat(0, options);
  heartbeat.flushDue(0, busy(1));
  return heartbeat;
}

Deno.test("the first entries go at once, the next ones with the tick", () => {
  const heartbeat = new Heartbeat(100);
  assertEquals(heartbeat.flushDue(101, busy(0)), false);
  assertEquals(heartbeat.flushDue(105, busy(1)), true);
  assertEquals(heartbeat.flushDue(106, busy(100)), false);
  assertEquals(heartbeat.flushDue(1104, busy(100)), false);
  assertEquals(heartbeat.flushDue(1105, busy(100)), true);
});

Deno.test("a full batch does not wait for the tick, and the tick counts from it", () => {
  const heartbeat = running({ fullEntries: 64 });
  assertEquals(heartbeat.flushDue(10, busy(63)), false);
  assertEquals(heartbeat.flushDue(20, busy(64)), true);
  assertEquals(heartbeat.waitMs(20), 1000);
  assertEquals(heartbeat.flushDue(1000, busy(63)), false);
  assertEquals(heartbeat.flushDue(1020, busy(63)), true);
});

Deno.test("starving workers are served after 500 ms, and after all that time at once", () => {
  assertEquals(running().flushDue(499, starving(1)), false);
  assertEquals(running().flushDue(500, starving(1)), true);
  const heartbeat = running();
  assertEquals(heartbeat.flushDue(600, busy(1)), false);
  assertEquals(heartbeat.flushDue(601, starving(1)), true);
});

Deno.test("the pace relaxes once workers have had enough for 3 s", () => {
  const heartbeat = running();
  assertEquals(heartbeat.flushDue(500, starving(1)), true);
  for (const nowMs of [1000, 1500, 2000, 2500, 3000]) {
    assertEquals(heartbeat.flushDue(nowMs, busy(1)), true, `${nowMs}`);
  }
  assertEquals(heartbeat.waitMs(3000), 500);
  assertEquals(heartbeat.flushDue(3500, busy(1)), false);
  assertEquals(heartbeat.flushDue(4000, busy(1)), true);
  assertEquals(heartbeat.waitMs(4000), 1000);
});

Deno.test("with nothing ready nothing is flushed, and the tick starts anew", () => {
  const heartbeat = running();
  assertEquals(heartbeat.flushDue(1000, busy(0)), false);
  assertEquals(heartbeat.flushDue(1001, busy(1)), false);
  assertEquals(heartbeat.waitMs(1001), 999);
  assertEquals(heartbeat.waitMs(5000), 0);
});

Deno.test("as many queued items as workers are enough", () => {
  assertEquals(running().flushDue(500, { ready: 1, queued: 2, workers: 2 }), false);
  assertEquals(running().flushDue(500, { ready: 1, queued: 1, workers: 2 }), true);
});

Deno.test("the planner's line gives entries and queue depth", () => {
  assertEquals(planningLine(12345, 8), "Planning ... 12,345 entries classified; queue depth 8");
});
