import { assert, assertEquals } from "@std/assert";
import { WorkerClimber } from "../../lib/tune/climber.ts";

/** Runs for so many seconds on a machine whose rate depends on the workers; returns the workers of each second. */
function run(seconds: number, start: number, max: number, rate: (workers: number, second: number) => number): number[] {
  const climber = new WorkerClimber(start, max, 0);
  const seen: number[] = [];
  let amount = 0;
  for (let second = 1; second <= seconds; second++) {
    amount += rate(climber.workers, second);
    climber.look(second * 1000, amount);
    seen.push(climber.workers);
  }
  return seen;
}

Deno.test("workers are added as long as each one pays", () => {
  const seen = run(20, 2, 16, (workers) => Math.min(workers, 6) * 100);
  assert(Math.max(...seen) <= 7, `${seen}`);
  assertEquals(seen.at(-1), 6);
});

Deno.test("where more workers gain nothing it stays, and tries ever more rarely", () => {
  const seen = run(120, 2, 16, () => 100);
  const tries = seen.filter((workers, i) => workers === 3 && seen[i - 1] !== 3).length;
  assert(tries >= 2 && tries <= 6, `${tries} tries`);
  assert(seen.every((workers) => workers === 2 || workers === 3));
});

Deno.test("a gain within the noise is none", () => {
  const seen = run(60, 4, 16, (workers, second) => 1000 * (1 + 0.02 * Math.sin(second * 7)) + workers);
  assert(Math.max(...seen) <= 5, `${seen}`);
});

Deno.test("never more than there are, never while nothing moves", () => {
  assertEquals(new Set(run(30, 2, 2, (workers) => workers * 100)), new Set([2]));
  assertEquals(new Set(run(30, 2, 8, () => 0)), new Set([2]));
});

Deno.test("a look before the span is over changes nothing", () => {
  const climber = new WorkerClimber(2, 8, 0);
  for (let ms = 10; ms < 1000; ms += 10) assertEquals(climber.look(ms, ms), false);
});
