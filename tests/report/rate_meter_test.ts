import { assertEquals } from "@std/assert";
import { RateMeter } from "../../lib/report/rate_meter.ts";

Deno.test("there is no rate before the second sample, nor without time between them", () => {
  const meter = new RateMeter(1000);
  assertEquals(meter.rate(1000), 0);
  meter.add(5000, 10);
  assertEquals(meter.rate(1000), 0);
  meter.add(5000, 20);
  assertEquals(meter.rate(1000), 0);
});

Deno.test("a rate is the growth per second over its window", () => {
  const meter = new RateMeter(10_000);
  for (let second = 0; second <= 10; second++) {
    meter.add(second * 1000, second <= 5 ? second * 100 : 500 + (second - 5) * 10);
  }
  assertEquals(meter.rate(2000), 10);
  assertEquals(meter.rate(5000), 10);
  assertEquals(meter.rate(10_000), 55);
  assertEquals(meter.rate(60_000), 55);
});

Deno.test("a standstill shows as a rate of 0 once it fills the window", () => {
  const meter = new RateMeter(10_000);
  meter.add(0, 0);
  meter.add(1000, 1000);
  for (let at = 2000; at <= 9000; at += 1000) meter.add(at, 1000);
  assertEquals(meter.rate(3000), 0);
});

Deno.test("samples older than what is asked for are forgotten", () => {
  const meter = new RateMeter(1000);
  for (let at = 0; at <= 100_000; at += 100) meter.add(at, at < 50_000 ? 0 : at);
  assertEquals(meter.rate(60_000), 1000);
});
