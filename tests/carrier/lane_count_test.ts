/** How many connections carry content, on networks whose rate is known. */

import { assert, assertEquals } from "@std/assert";
import { LaneCount } from "../../lib/carrier/lane_count.ts";

const GIGABYTE = 1e9;

/** Plays so many seconds; the counts that were wanted. */
function play(lanes: LaneCount, seconds: number, rate: (lanes: number, second: number) => number): number[] {
  return Array.from({ length: seconds }, (_, second) => lanes.next(rate(lanes.count, second)));
}

/** What most seconds of the last half wanted. */
function settled(counts: number[]): number {
  const late = counts.slice(counts.length / 2);
  return late.sort((a, b) => a - b)[Math.floor(late.length / 2)];
}

Deno.test("where each connection brings its share, all that are allowed are made", () => {
  const counts = play(new LaneCount(2, 16), 120, (lanes) => lanes * GIGABYTE);
  assertEquals(settled(counts), 16);
  assertEquals(Math.max(...counts), 16);
});

Deno.test("where the fifth brings nothing more, it stays at four", () => {
  const counts = play(new LaneCount(2, 16), 300, (lanes) => Math.min(lanes, 4) * GIGABYTE);
  assertEquals(settled(counts), 4);
});

Deno.test("connections that bring nothing are given up, but never the last one", () => {
  const counts = play(new LaneCount(8, 16), 2000, () => GIGABYTE);
  assertEquals(settled(counts), 1);
  assert(Math.min(...counts) >= 1);
});

Deno.test("where more connections hinder each other, there are fewer", () => {
  const counts = play(new LaneCount(8, 16), 600, (lanes) => (10 - Math.abs(lanes - 3)) * GIGABYTE);
  assertEquals(settled(counts), 3);
});

Deno.test("noise below five per cent adds none", () => {
  const lanes = new LaneCount(4, 16);
  // Fewer would be slower.
  const counts = play(lanes, 300, (count, second) => Math.min(count, 4) * GIGABYTE * (1 + 0.02 * Math.sin(second * 7)));
  assertEquals(settled(counts), 4);
  assert(Math.max(...counts) <= 5);
});

Deno.test("quiet seconds change nothing", () => {
  assertEquals(new Set(play(new LaneCount(3, 16), 100, () => 1000)), new Set([3]));
});
