import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Phase } from "../../lib/model/event.ts";
import { progressLine, type Rates, shareDone } from "../../lib/report/progress_line.ts";
import { cellWidth } from "../../lib/report/width.ts";
import { progress } from "./sample.ts";

const rates: Rates = { current: 882_900_000, average: 828_000_000, etaMs: 2400 };

Deno.test("a wide terminal shows everything", () => {
  assertEquals(
    progressLine(progress(), rates, 200),
    "copying  1.24/3.10 GiB  40%  12,345/30,000 files  842 MiB/s  avg 790 MiB/s  ETA 0:02  " +
      "photos/2024/summer/IMG_0001.jpg",
  );
});

const narrower: [cells: number, line: string][] = [
  [
    110,
    "copying  1.24/3.10 GiB  40%  12,345/30,000 files  842 MiB/s  avg 790 MiB/s  ETA 0:02  photos/2024…IMG_0001.jpg",
  ],
  [109, "copying  1.24/3.10 GiB  40%  12,345/30,000 files  842 MiB/s  ETA 0:02  photos/2024/summer/IMG_0001.jpg"],
  [95, "copying  1.24/3.10 GiB  40%  12,345/30,000 files  842 MiB/s  ETA 0:02  photos/2024…IMG_0001.jpg"],
  [79, "copying  1.24/3.10 GiB  40%  842 MiB/s  ETA 0:02  photos/2024/su…r/IMG_0001.jpg"],
  [60, "copying  1.24/3.10 GiB  40%  842 MiB/s  ETA 0:02  phot…1.jpg"],
  [40, "copying  1.24/3.10 GiB  40%  842 MiB/s"],
  [35, "copying  1.24/3.10 GiB  842 MiB/s"],
  [30, "copying  1.24/3.10 GiB"],
  [10, "copying"],
  [5, "co…ng"],
];

for (const [cells, line] of narrower) {
  Deno.test(`in ${cells} cells the least important figures go first`, () => {
    const shown = progressLine(progress(), rates, cells);
    assertEquals(shown, line);
  });
}

Deno.test("done and total each have their unit where these differ", () => {
  const line = progressLine(progress({ bytesDone: 1024 }), rates, 200);
  assert(line.startsWith("copying  1.00 KiB/3.10 GiB  0%  "), line);
});

Deno.test("a short path takes no more room than it has, and without one the figures stay", () => {
  const figures = "copying  1.24/3.10 GiB  40%  12,345/30,000 files  842 MiB/s  avg 790 MiB/s  ETA 0:02";
  assertEquals(progressLine(progress({ currentPath: "short.txt" }), rates, 95), `${figures}  short.txt`);
  assertEquals(progressLine(progress({ currentPath: undefined }), rates, 84), figures);
});

Deno.test("while the scan runs there is no total, no share and no ETA", () => {
  const line = progressLine(
    progress({ scanComplete: false, phase: "scanning" }),
    { current: 1024, average: 1024 },
    200,
  );
  assertEquals(
    line,
    "scanning  1.24 GiB  12,345/30,000+ files  1.00 KiB/s  avg 1.00 KiB/s  photos/2024/summer/IMG_0001.jpg",
  );
});

Deno.test("without sizes the share is that of the files", () => {
  const known = progress({ bytesTotal: undefined, filesDone: 15_000, currentPath: undefined });
  assertEquals(shareDone(known), 0.5);
  assertEquals(
    progressLine(known, { current: 0, average: 0 }, 200),
    "copying  1.24 GiB  50%  15,000/30,000 files  0 B/s  avg 0 B/s  ETA -",
  );
});

Deno.test("a share is never above 1, and empty jobs have none", () => {
  assertEquals(shareDone(progress({ bytesDone: 9, bytesTotal: 5 })), 1);
  assertEquals(shareDone(progress({ bytesTotal: 0, filesTotal: 0 })), undefined);
  assertEquals(shareDone(progress({ bytesTotal: 0, filesTotal: 2, filesDone: 1 })), 0.5);
});

Deno.test("names that are not UTF-8 or carry control characters cannot disturb the line", () => {
  const line = progressLine(progress({ currentPath: "a\udcff\n\x1b[2J" }), rates, 200);
  assert(line.endsWith("a\\xff\\x0a\\x1b[2J"));
});

Deno.test("the line is never wider than the terminal, whatever the figures", () => {
  const phases: Phase[] = ["scanning", "copying", "deleting", "finishing"];
  const figures = fc.record({
    phase: fc.constantFrom(...phases),
    filesDone: fc.maxSafeNat(),
    filesTotal: fc.maxSafeNat(),
    bytesDone: fc.maxSafeNat(),
    bytesTotal: fc.option(fc.maxSafeNat(), { nil: undefined }),
    scanComplete: fc.boolean(),
    currentPath: fc.option(fc.string({ unit: "grapheme", maxLength: 300 }), { nil: undefined }),
  });
  fc.assert(fc.property(figures, fc.integer({ min: 1, max: 250 }), (figure, cells) => {
    const line = progressLine(progress(figure), rates, cells);
    assert(cellWidth(line) <= cells, `${cellWidth(line)} > ${cells}: ${line}`);
    assert(!line.includes("\n"));
  }));
});
