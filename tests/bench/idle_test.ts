import { assertEquals, assertRejects } from "@std/assert";
import { Interrupted } from "../../bench/failure.ts";
import { coreTicks, waitForIdle } from "../../bench/idle.ts";

Deno.test("idle and waiting for a disk are not busy; time stolen by the host is", () => {
  const stat = "cpu  10 1 20 1000 30 0 2 7 5 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n";
  assertEquals(coreTicks(stat), { busy: 40, all: 1070 });
});

Deno.test("without patience there is no wait, and an interrupt ends it", async () => {
  await waitForIdle(0);
  await assertRejects(() => waitForIdle(60_000, AbortSignal.abort()), Interrupted);
});
