import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatCountOf,
  formatDuration,
  formatRate,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from "../../lib/base/units.ts";

const sizes: [string, number | undefined][] = [
  ["0", 0],
  ["512", 512],
  ["512B", 512],
  ["512b", 512],
  ["1K", 1024],
  ["1k", 1024],
  ["1KiB", 1024],
  ["1kib", 1024],
  ["1KB", 1000],
  ["10M", 10 * 1024 ** 2],
  ["20MB", 20_000_000],
  ["1.5GiB", 1.5 * 1024 ** 3],
  [".5K", 512],
  ["2T", 2 * 1024 ** 4],
  ["1P", 1024 ** 5],
  ["0.3K", 307],
  ["", undefined],
  ["K", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["1.5B", undefined],
  ["1x", undefined],
  ["1 K", undefined],
  ["1Ki", undefined],
  ["1K5", undefined],
  ["0x10", undefined],
  ["1e3", undefined],
  ["9E", undefined],
  ["99999999999999999999", undefined],
];

for (const [text, bytes] of sizes) {
  Deno.test(`size "${text}" is ${bytes ?? "refused"}`, () => assertEquals(parseSize(text), bytes));
}

const rates: [string, number | undefined][] = [
  ["0", 0],
  ["off", 0],
  ["10M", 10 * 1024 ** 2],
  ["10MB", 10_000_000],
  ["10MiB/s", 10 * 1024 ** 2],
  ["1000B", 1000],
  ["1000B/s", 1000],
  ["1000", undefined],
  ["1000/s", undefined],
  ["/s", undefined],
  ["", undefined],
  ["fast", undefined],
];

for (const [text, bytesPerSecond] of rates) {
  Deno.test(`rate "${text}" is ${bytesPerSecond ?? "refused"}`, () => assertEquals(parseRate(text), bytesPerSecond));
}

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;
const durations: [string, number | undefined][] = [
  ["0", 0],
  ["90", 90 * second],
  ["1.5", 1500],
  ["250ms", 250],
  ["30s", 30 * second],
  ["10m", 600 * second],
  ["2h", 2 * hour],
  ["7d", 7 * day],
  ["4w", 28 * day],
  ["1y", 365 * day],
  ["1h30m", 1.5 * hour],
  ["1.5d", 1.5 * day],
  ["7D", 7 * day],
  ["", undefined],
  ["s", undefined],
  ["10x", undefined],
  ["-1d", undefined],
  ["1h 30m", undefined],
  ["1h30", undefined],
  ["9999999999999y", undefined],
];

for (const [text, ms] of durations) {
  Deno.test(`duration "${text}" is ${ms ?? "refused"}`, () => assertEquals(parseDuration(text), ms));
}

Deno.test("a count is a whole number of at least 0", () => {
  assertEquals(["0", "17", "-1", "1.5", "", "1e3", "99999999999999999999"].map(parseCount), [
    ...[0, 17],
    ...[undefined, undefined, undefined, undefined, undefined],
  ]);
});

Deno.test("bytes are written with three digits in powers of 1024", () => {
  const written = [0, 1, 999, 1023, 1024, 1536, 10_240, 1024 ** 2 - 1, 1024 ** 2, 12.3 * 1024 ** 2, 842 * 1024 ** 3];
  assertEquals(written.map(formatBytes), [
    ...["0 B", "1 B", "999 B", "1023 B", "1.00 KiB", "1.50 KiB", "10.0 KiB", "1.00 MiB", "1.00 MiB", "12.3 MiB"],
    "842 GiB",
  ]);
  assertEquals(formatRate(1536), "1.50 KiB/s");
});

Deno.test("durations are written for people", () => {
  const written = [0, 0.4, 850, 999.6, 1000, 12_340, 59_949, 59_950, 245_000, 2 * hour + 180_000, 3 * day + 4 * hour];
  assertEquals(written.map(formatDuration), [
    ...["0 ms", "0 ms", "850 ms", "1.00 s", "1.00 s", "12.3 s", "59.9 s", "1 min 00 s", "4 min 05 s", "2 h 03 min"],
    "3 d 04 h",
  ]);
});

Deno.test("time left is written as a clock", () => {
  assertEquals([0, 7000, 754_000, 3_723_000, 3 * day + 4 * hour].map(formatClock), [
    ...["0:00", "0:07", "12:34", "1:02:03", "3d04h"],
  ]);
});

Deno.test("counts have separators and the right plural", () => {
  assertEquals([0, 12, 999, 1000, 1234567].map(formatCount), ["0", "12", "999", "1,000", "1,234,567"]);
  assertEquals(formatCountOf(1, "file"), "1 file");
  assertEquals(formatCountOf(0, "file"), "0 files");
  assertEquals(formatCountOf(2000, "directory", "directories"), "2,000 directories");
});

const anySize = fc.maxSafeNat();

Deno.test("a size in plain digits is read as it stands", () => {
  fc.assert(fc.property(anySize, (bytes) => parseSize(String(bytes)) === bytes));
});

Deno.test("what formatBytes writes, parseSize reads back to three digits", () => {
  fc.assert(fc.property(anySize, (bytes) => {
    const back = parseSize(formatBytes(bytes).replace(" ", ""));
    // Rounding up may leave the safe integers at the very top.
    if (back === undefined) return bytes > Number.MAX_SAFE_INTEGER * 0.99;
    assert(Math.abs(back - bytes) <= bytes * 0.0051 + 1, `${bytes} came back as ${back}`);
  }));
});

Deno.test("formatBytes never writes more than four digits, and a larger size is never written smaller", () => {
  fc.assert(fc.property(anySize, anySize, (a, b) => {
    const [low, high] = a < b ? [a, b] : [b, a];
    assert(formatBytes(low).replaceAll(/\D/g, "").length <= 4);
    const read = (bytes: number) => parseSize(formatBytes(bytes).replace(" ", "")) ?? Infinity;
    assert(read(low) <= read(high));
  }));
});

Deno.test("parsers never throw and never return anything but a whole, non-negative number of bytes", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    for (const parse of [parseSize, parseRate, parseCount]) {
      const value = parse(text);
      assert(value === undefined || Number.isSafeInteger(value) && value >= 0);
    }
    const ms = parseDuration(text);
    assert(ms === undefined || ms >= 0);
  }));
});
