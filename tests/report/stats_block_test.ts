import { assert, assertEquals } from "@std/assert";
import { type IoMeter, type IoRates, StatsBlock, waitingText } from "../../lib/report/stats_block.ts";
import { cellWidth } from "../../lib/report/width.ts";
import { progress } from "./sample.ts";

const busy: IoRates = {
  disks: [
    { name: "sda", read: 2 ** 20, written: 0, inFlight: 1 },
    { name: "nvme0n1", read: 0, written: 3 * 2 ** 20, inFlight: 12 },
  ],
  interfaces: [{ name: "eth0", received: 1024, sent: 2048 }],
};

function meter(rates: IoRates): IoMeter & { asked: number } {
  return {
    asked: 0,
    begin: () => {},
    latest() {
      this.asked++;
      return rates;
    },
    average: () => rates,
  };
}

/** Two workers, half of whose time goes to the destination and a quarter to the source. */
function at(ms: number) {
  return progress({ workers: 2, waits: { planner: 0, source: ms * 2 * 0.25, destination: ms * 2 * 0.5 } });
}

Deno.test("the first second is silent, then disks, network and waiting have a line each", () => {
  const block = new StatsBlock(meter(busy));
  assertEquals([block.lines(at(0), 5000, 200), block.lines(at(999), 5999, 200)], [[], []]);
  assertEquals(block.lines(at(1000), 6000, 200), [
    "  disk     sda read 1.00 MiB/s, written 0 B/s, 1 in flight; nvme0n1 read 0 B/s, written 3.00 MiB/s, 12 in flight",
    "  network  eth0 received 1.00 KiB/s, sent 2.00 KiB/s",
    "  waiting  source 25 %, destination 50 %, planner 0 %",
  ]);
});

Deno.test("figures are of the last second and change once a second", () => {
  const io = meter(busy);
  const block = new StatsBlock(io);
  for (let ms = 0; ms <= 3000; ms += 100) block.lines(at(ms), ms, 200);
  assertEquals(io.asked, 3);
  const still = at(3000);
  for (let ms = 3100; ms < 4000; ms += 100) assert(block.lines(still, ms, 200)[2].includes("destination 50 %"));
  assertEquals(block.lines(still, 4000, 200)[2], "  waiting  source 0 %, destination 0 %, planner 0 %");
});

Deno.test("what is not there has no line", () => {
  const block = new StatsBlock(meter({ disks: [], interfaces: [] }));
  block.lines(progress({ workers: 0 }), 0, 200);
  assertEquals(block.lines(progress({ workers: 0 }), 1000, 200), []);
});

Deno.test("no line is wider than the terminal", () => {
  const block = new StatsBlock(meter(busy));
  block.lines(at(0), 0, 30);
  for (const line of block.lines(at(1000), 1000, 30)) assert(cellWidth(line) <= 30, line);
});

Deno.test("shares stay between nothing and the whole, whatever clocks say", () => {
  assertEquals(
    waitingText({ source: -5, destination: 300, planner: 49.6 }, 100),
    "source 0 %, destination 100 %, planner 50 %",
  );
});
