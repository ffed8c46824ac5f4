import { assert, assertEquals } from "@std/assert";
import { LiveProgress } from "../../lib/report/live.ts";
import { type IoMeter, StatsBlock } from "../../lib/report/stats_block.ts";
import { cellWidth } from "../../lib/report/width.ts";
import { progress, Recorder, screenOn } from "./sample.ts";

const mib = 1024 ** 2;

function steady(atMs: number) {
  return progress({ bytesDone: atMs / 1000 * mib, bytesTotal: 100 * mib, filesDone: atMs / 1000, filesTotal: 100 });
}

Deno.test("on a terminal each draw replaces the line, as wide as the terminal is then", () => {
  const { screen, stderr } = screenOn(new Recorder(), new Recorder(true));
  let columns = 120;
  const live = new LiveProgress(screen, () => columns, 0);
  live.draw(steady(1000), 1000);
  columns = 40;
  live.draw(steady(2000), 2000);
  assertEquals(stderr.log.length, 2);
  // deno-lint-ignore no-control-regex
  const lines = stderr.log.map((text) => text.replaceAll(/\x1b\[\d*[A-Z]|\r/g, ""));
  assert(cellWidth(lines[0]) <= 119 && cellWidth(lines[0]) > 40);
  assert(cellWidth(lines[1]) <= 39);
  assert(!stderr.text.includes("\n"));
});

Deno.test("rates and ETA follow from what was done", () => {
  const { screen, stderr } = screenOn(new Recorder(), new Recorder(true));
  const live = new LiveProgress(screen, () => 200, 0);
  for (let at = 100; at <= 20_000; at += 100) live.draw(steady(at), at);
  assert(stderr.log.at(-1)!.includes("1.00 MiB/s  avg 1.00 MiB/s  ETA 1:20"), stderr.log.at(-1));
});

Deno.test("a standstill shows at once in the current rate, and the average remembers", () => {
  const { screen, stderr } = screenOn(new Recorder(), new Recorder(true));
  const live = new LiveProgress(screen, () => 200, 0);
  live.draw(steady(10_000), 10_000);
  for (let at = 10_100; at <= 40_000; at += 100) live.draw(steady(10_000), at);
  assert(stderr.log.at(-1)!.includes("  0 B/s  avg 256 KiB/s  ETA -"), stderr.log.at(-1));
});

Deno.test("where standard error is no terminal a plain line comes every 10 seconds", () => {
  const { screen, stderr } = screenOn();
  const live = new LiveProgress(screen, () => undefined, 0);
  for (let at = 100; at <= 25_000; at += 100) live.draw(steady(at), at);
  const lines = stderr.text.split("\n");
  assertEquals(lines.length, 3);
  assert(lines[0].startsWith("copying  10.0/100 MiB  10%") && !stderr.text.includes("\x1b"));
});

const silent: IoMeter = {
  begin: () => {},
  latest: () => ({ disks: [{ name: "sda", read: 1, written: 2, inFlight: 3 }], interfaces: [] }),
  average: () => ({ disks: [], interfaces: [] }),
};

Deno.test("on a terminal the stats stand below the line, elsewhere not at all", () => {
  for (const [columns, expected] of [[60, 3], [undefined, 1]] as const) {
    const { screen, stderr } = screenOn(new Recorder(), new Recorder(columns !== undefined));
    const live = new LiveProgress(screen, () => columns, 0, new StatsBlock(silent));
    for (let at = 0; at <= 10_000; at += 100) live.draw(steady(at), at);
    const lines = stderr.log.at(-1)!.trimEnd().split("\n");
    assertEquals(lines.length, expected, stderr.log.at(-1));
    // deno-lint-ignore no-control-regex
    for (const line of lines.slice(1)) assert(cellWidth(line.replaceAll(/\x1b\[\d*[A-Z]|\r/g, "")) < 60, line);
  }
});
