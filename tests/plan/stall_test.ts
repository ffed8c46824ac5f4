import { assertEquals } from "@std/assert";
import { type Sighting, StallDetector, stallError, stallLine } from "../../lib/plan/stall.ts";

const still: Sighting = { planned: 5, worked: 7, path: "a/b" };

/** Looks every 100 ms from `fromMs` to `toMs` and returns what is told, as "kind time". */
function watch(detector: StallDetector, fromMs: number, toMs: number, sighting: (nowMs: number) => Sighting): string[] {
  const told: string[] = [];
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 100) {
    const stall = detector.look(nowMs, sighting(nowMs));
    if (stall !== undefined) told.push(`${stall.kind} ${nowMs}`);
  }
  return told;
}

function started(options?: ConstructorParameters<typeof StallDetector>[1]): StallDetector {
  const detector = new StallDetector(0, options);
  detector.look(0, still);
  return detector;
}

Deno.test("a run that stands still is noted after 1 s and given up after 10 s, each once", () => {
  const detector = started();
  assertEquals(watch(detector, 100, 30_000, () => still), ["note 1000", "abort 10000"]);
  assertEquals(detector.stalls, 1);
});

Deno.test("progress of the planner or of the workers is progress", () => {
  assertEquals(watch(started(), 100, 30_000, (nowMs) => ({ planned: Math.floor(nowMs / 900), worked: 7 })), []);
  assertEquals(watch(started(), 100, 30_000, (nowMs) => ({ planned: 5, worked: Math.floor(nowMs / 900) })), []);
});

Deno.test("after progress the time counts anew, and every standstill is noted", () => {
  const detector = started();
  const sighting = (nowMs: number) => ({ planned: 5, worked: 7 + Math.floor(nowMs / 9000) });
  assertEquals(watch(detector, 100, 26_000, sighting), ["note 1000", "note 10000", "note 19000"]);
  assertEquals(detector.stalls, 3);
});

Deno.test("time that this process slept through is no stall", () => {
  const detector = started();
  assertEquals(watch(detector, 100, 900, () => still), []);
  // Stopped for an hour, and then a second until the others are awake too.
  assertEquals(detector.look(3_600_000, still)?.kind, "note");
  assertEquals(detector.look(3_600_100, { ...still, worked: 8 }), undefined);
  assertEquals(watch(detector, 3_600_200, 3_602_000, () => ({ ...still, worked: 8 })), ["note 3601100"]);
});

Deno.test("the time until the abort can be chosen, never included", () => {
  assertEquals(watch(started({ abortMs: 60_000 }), 100, 60_000, () => still), ["note 1000", "abort 60000"]);
  assertEquals(watch(started({ abortMs: Infinity }), 100, 600_000, () => still), ["note 1000"]);
});

Deno.test("a stall is told with its place and its cause", () => {
  assertEquals(stallLine({ kind: "note", forMs: 1234, path: "a/\udcffb" }), 'No progress for 1.2 s at "a/\\xffb"');
  assertEquals(stallLine({ kind: "note", forMs: 100 }, "no room"), "No progress for 0.1 s: no room");
  assertEquals(stallLine({ kind: "note", forMs: 1000 }), "No progress for 1.0 s");
});

Deno.test("the error that ends a run names path, time, cause and the option", () => {
  const error = stallError({ kind: "abort", forMs: 10_000, path: "a/b" }, "--stall-timeout", "sda does not answer");
  assertEquals(error.code, "failed");
  assertEquals(error.message, 'Cannot go on with "a/b": no progress for 10 s (sda does not answer)');
  assertEquals(error.hint?.endsWith("--stall-timeout allows more time."), true);
  assertEquals(
    stallError({ kind: "abort", forMs: 10_400 }, "x").message,
    "Cannot go on with the run: no progress for 10 s",
  );
});
