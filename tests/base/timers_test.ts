import { assertEquals } from "@std/assert";
import { every, pause } from "../../lib/base/timers.ts";

Deno.test("a callback comes again and again, until it is no longer wanted", async () => {
  let calls = 0;
  const third = Promise.withResolvers<void>();
  const stop = every(1, () => {
    calls++;
    if (calls < 3) return;
    stop();
    third.resolve();
  });
  await third.promise;
  await pause(20);
  assertEquals(calls, 3);
});

Deno.test("what is stopped before the first time never comes", async () => {
  let calls = 0;
  every(1, () => calls++)();
  await pause(20);
  assertEquals(calls, 0);
});
