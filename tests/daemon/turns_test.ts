/** Who runs and who waits where there are fewer places than calls, and what each gets of what all share. */

import { assertEquals } from "@std/assert";
import { Shares } from "../../lib/daemon/shares.ts";
import { Turns } from "../../lib/daemon/turns.ts";

Deno.test("who came first gets the next place, and who leaves the line holds nobody up", async () => {
  const turns = new Turns(() => 2);
  const [a, b, c, d, e] = Array.from({ length: 5 }, () => turns.take());
  assertEquals([a, b, c, d, e].map(({ state }) => state), ["running", "running", "waiting", "waiting", "waiting"]);
  assertEquals([c.ahead, d.ahead, e.ahead], [0, 1, 2]);
  c.end();
  assertEquals([d.ahead, e.ahead], [0, 1]);
  const waiting = d.runsWithin(60_000);
  a.end();
  a.end(); // a second time frees no second place
  assertEquals([await waiting, d.state, e.state], [true, "running", "waiting"]);
  assertEquals(await e.runsWithin(1), false);
  b.end();
  assertEquals(await e.runsWithin(0), true);
});

Deno.test("a line that is closed ends everybody's wait, and nobody gets a place any more", async () => {
  const turns = new Turns(() => 1);
  const [running, waiting] = [turns.take(), turns.take()];
  const outcome = waiting.runsWithin(60_000);
  turns.close();
  assertEquals([await outcome, waiting.state, running.state, turns.take().state], [false, "over", "running", "over"]);
});

Deno.test("a line has an end, and more places let those in it go on", () => {
  let places = 1;
  const turns = new Turns(() => places);
  const taken = Array.from({ length: 1002 }, () => turns.take());
  assertEquals([taken[1000].state, taken[1001].state], ["waiting", "over"]);
  places = 3;
  taken[0].end();
  assertEquals(taken.slice(0, 5).map(({ state }) => state), ["over", "running", "running", "running", "waiting"]);
});

Deno.test("each gets at most half of what is left, at least one, and what is given back can be had again", () => {
  const shares = new Shares(() => 16);
  const taken = [8, 8, 8, 8, 8, 8].map((wanted) => shares.take(wanted));
  assertEquals(taken.map(({ count }) => count), [8, 4, 2, 1, 1, 1]);
  for (const share of taken) {
    share[Symbol.dispose]();
    share[Symbol.dispose]();
  }
  assertEquals([shares.take(3).count, shares.take(100).count], [3, 6]);
});
