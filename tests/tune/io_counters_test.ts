import { assertEquals } from "@std/assert";
import { diskCounters, diskStallCause, interfaceCounters, perSecond } from "../../lib/tune/io_counters.ts";
import type { SystemFiles } from "../../lib/tune/system_files.ts";

const texts: Record<string, string> = {
  "/proc/diskstats": [
    "   8       0 sda 100 8 2000 2316 50 14951 4000 7755 3 2392 10354 0 0 0 0 1682 282",
    "   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11",
  ].join("\n"),
  "/proc/net/dev": [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
    "    lo: 1000      10    0    0    0     0          0         0     2000      10    0    0    0     0       0          0",
    "  eth0:5000 1 0 0 0 0 0 0 7000 1 0 0 0 0 0 0",
  ].join("\n"),
};
const files: SystemFiles = { read: (path) => texts[path], realPath: () => undefined };
const silent: SystemFiles = { read: () => undefined, realPath: () => undefined };

Deno.test("a disk's counters are in bytes, whole disks and partitions told apart", () => {
  const sda = { readBytes: 1_024_000, writtenBytes: 2_048_000, requestsDone: 150, inFlight: 3 };
  assertEquals(diskCounters("sda", files), sda);
  assertEquals(diskCounters("sda1", files)?.inFlight, 9);
  assertEquals(diskCounters("sdb", files), undefined);
  assertEquals(diskCounters("sda", silent), undefined);
});

Deno.test("interfaces' counters, with and without a blank after the name", () => {
  assertEquals([...interfaceCounters(files)], [
    ["lo", { receivedBytes: 1000, sentBytes: 2000 }],
    ["eth0", { receivedBytes: 5000, sentBytes: 7000 }],
  ]);
  assertEquals(interfaceCounters(silent).size, 0);
});

Deno.test("a rate is never negative and never without time", () => {
  assertEquals(perSecond(100, 300, 500), 400);
  assertEquals(perSecond(300, 100, 500), 0);
  assertEquals(perSecond(100, 300, 0), 0);
});

Deno.test("a disk is to blame for a stall when it was asked and answered nothing", () => {
  const asked = { readBytes: 1, writtenBytes: 1, requestsDone: 150, inFlight: 3 };
  assertEquals(diskStallCause("sda", asked, asked), "sda has 3 requests in flight and answers none");
  assertEquals(diskStallCause("sda", asked, { ...asked, inFlight: 1 }), "sda has 1 request in flight and answers none");
  assertEquals(diskStallCause("sda", asked, { ...asked, inFlight: 0 }), undefined);
  assertEquals(diskStallCause("sda", asked, { ...asked, requestsDone: 151 }), undefined);
});
