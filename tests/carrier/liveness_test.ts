import { assertEquals, assertRejects } from "@std/assert";
import { Listener, signEveryMs } from "../../lib/carrier/liveness.ts";
import { pause } from "../support/program.ts";

Deno.test("signs of life come every two seconds, and several times within a shorter patience", () => {
  assertEquals([60_000, Infinity, 1000, 1].map(signEveryMs), [2000, 2000, 250, 50]);
});

Deno.test("who waits for a silent side is let go with the error", async () => {
  const listener = new Listener(() => 100, () => new Error("silent"));
  assertEquals(await listener.next(Promise.resolve(1)), 1);
  await assertRejects(() => listener.next(new Promise(() => {})), Error, "silent");
});

Deno.test("silence counts only while something is waited for, and only for as long as the patience lasts now", async () => {
  let patienceMs = 100;
  const listener = new Listener(() => patienceMs, () => new Error("silent"));
  await pause(300);
  assertEquals(await listener.next(Promise.resolve(1)), 1);
  patienceMs = Infinity;
  assertEquals(await listener.next(pause(300).then(() => 2)), 2);
  listener.end();
});
