import { assert } from "@std/assert";
import { openControlChannel } from "../../lib/carrier/control.ts";

Deno.test("a channel leaves the timers of its process as they are", async () => {
  openControlChannel({ host: "127.0.0.1", port: 1 })[Symbol.dispose]();
  let came = false;
  clearTimeout(undefined);
  const cancelled = setTimeout(() => came = true, 1);
  clearTimeout(cancelled);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert(!came);
  openControlChannel({ host: "127.0.0.1", port: 1 })[Symbol.dispose]();
  const further = setTimeout(() => came = true, 1);
  clearTimeout(further);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert(!came);
});
