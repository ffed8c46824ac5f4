import { assertEquals } from "@std/assert";
import { ioMeter } from "../../lib/command/io_meter.ts";
import type { Job } from "../../lib/model/job.ts";
import type { SystemFiles } from "../../lib/tune/system_files.ts";

/** A machine with an ext4 on sda1 at "/", an xfs on sdb at "/data", a tmpfs at "/tmp" and counters that a test sets. */
class Machine implements SystemFiles {
  readonly texts: Record<string, string> = {
    "/proc/self/mountinfo": [
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
      "2 1 8:16 / /data rw - xfs /dev/sdb rw",
      "3 1 0:5 / /tmp rw - tmpfs none rw",
    ].join("\n"),
    "/sys/devices/sda/sda1/partition": "1",
  };
  readonly #links: Record<string, string> = {
    "/sys/dev/block/8:1": "/sys/devices/sda/sda1",
    "/sys/dev/block/8:16": "/sys/devices/sdb",
    "/": "/",
    "/data": "/data",
    "/tmp": "/tmp",
    ".": "/data/here",
  };
  read = (path: string) => this.texts[path];
  realPath = (path: string) => this.#links[path];

  /** Sectors read and written of each disk, bytes received and sent of each interface. */
  count(disks: Record<string, [number, number]>, interfaces: Record<string, [number, number]> = {}): void {
    this.texts["/proc/diskstats"] = Object.entries(disks)
      .map(([name, [read, written]]) => `8 0 ${name} 1 0 ${read} 0 1 0 ${written} 0 7 0 0`).join("\n");
    this.texts["/proc/net/dev"] = Object.entries(interfaces)
      .map(([name, [received, sent]]) => `${name}: ${received} 0 0 0 0 0 0 0 ${sent} 0`).join("\n");
  }
}

type Places = Pick<Job, "sources" | "destination">;

function job(sources: string[], destination?: string): Places {
  return { sources, destination };
}

function namesOf(machine: Machine, of: Places): string[] {
  return ioMeter(of, () => 0, machine).average().disks.map((disk) => disk.name);
}

const places: [what: string, job: Places, disks: string[]][] = [
  ["of source and destination", job(["/home/a"], "/data/b"), ["sda", "sdb"]],
  ["once where both sides are on one", job(["/home/a", "/b"], "/c"), ["sda"]],
  ["of the working directory for relative paths", job(["a/b"], "c/"), ["sdb"]],
  ["but memory has none", job(["/tmp/a"], "/data/x//y/"), ["sdb"]],
  ["of the source where nothing is written", job(["/data/x"]), ["sdb"]],
];

for (const [what, of, disks] of places) {
  Deno.test(`the disks are those ${what}`, () => {
    const machine = new Machine();
    machine.count({ sda: [0, 0], sda1: [0, 0], sdb: [0, 0], sdc: [0, 0] });
    assertEquals(namesOf(machine, of), disks);
  });
}

Deno.test("rates are those since the last look, averages those since the job began", () => {
  const machine = new Machine();
  let now = 0;
  machine.count({ sda: [0, 0] });
  const meter = ioMeter(job(["/a"], "/b"), () => now, machine);
  now = 500;
  machine.count({ sda: [1000, 0] }); // a question was open meanwhile
  meter.begin();
  now = 1500;
  machine.count({ sda: [1004, 2] });
  assertEquals(meter.latest().disks, [{ name: "sda", read: 4 * 512, written: 2 * 512, inFlight: 7 }]);
  now = 2500;
  machine.count({ sda: [1004, 10] });
  assertEquals(meter.latest().disks, [{ name: "sda", read: 0, written: 8 * 512, inFlight: 7 }]);
  assertEquals(meter.average().disks, [{ name: "sda", read: 2 * 512, written: 5 * 512, inFlight: 7 }]);
});

Deno.test("of the network the two busiest interfaces count, and no whisper", () => {
  const machine = new Machine();
  let now = 0;
  machine.count({}, { lo: [0, 0], eth0: [0, 0], eth1: [0, 0], wlan0: [0, 0] });
  const meter = ioMeter(job(["/tmp"], "/tmp/x"), () => now, machine);
  now = 1000;
  machine.count({}, {
    lo: [20_000, 20_000],
    eth0: [5, 900_000],
    eth1: [4000, 4000],
    wlan0: [50_000, 0],
    new: [1e9, 1e9],
  });
  const { disks, interfaces } = meter.latest();
  assertEquals(disks, []);
  assertEquals(interfaces, [{ name: "eth0", received: 5, sent: 900_000 }, {
    name: "wlan0",
    received: 50_000,
    sent: 0,
  }]);
  machine.count({}, { eth1: [14_000, 4000] });
  now = 2000;
  assertEquals(meter.latest().interfaces, [{ name: "eth1", received: 10_000, sent: 0 }]);
});

Deno.test("where the system tells nothing there is nothing to show", () => {
  const silent: SystemFiles = { read: () => undefined, realPath: () => undefined };
  const meter = ioMeter(job(["/a", "."], ""), () => 0, silent);
  assertEquals([meter.latest(), meter.average()], [{ disks: [], interfaces: [] }, { disks: [], interfaces: [] }]);
});
