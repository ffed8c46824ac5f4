import { assert, assertEquals } from "@std/assert";
import { groupLimits } from "../../lib/tune/cgroup.ts";
import { machineFacts } from "../../lib/tune/machine.ts";
import { type SystemFiles, systemFiles } from "../../lib/tune/system_files.ts";

const GIB = 2 ** 30;

function fixture(texts: Record<string, string>): SystemFiles {
  return { read: (path) => texts[path], realPath: () => undefined };
}

const cpuDir = "/sys/devices/system/cpu";
const plainRuntime = { threads: 8, availableMemory: () => 16 * GIB };

Deno.test("a machine without control groups is what the runtime tells", () => {
  assertEquals(machineFacts(fixture({}), plainRuntime), {
    threads: 8,
    threadsPerCore: 1,
    cpuQuota: undefined,
    memoryBytes: 16 * GIB,
  });
  assertEquals(machineFacts(fixture({}), { threads: 0, availableMemory: () => undefined }).threads, 1);
  assertEquals(machineFacts(fixture({}), { threads: 1, availableMemory: () => undefined }).memoryBytes, undefined);
});

const siblings: [list: string, threads: number][] = [["0", 1], ["0,32", 2], ["0-1", 2], ["0-3", 4], ["0-1,8-9", 4], [
  "",
  1,
]];

for (const [list, threads] of siblings) {
  Deno.test(`the siblings "${list}" are ${threads} on a core`, () => {
    const files = { [`${cpuDir}/cpu0/topology/thread_siblings_list`]: list };
    assertEquals(machineFacts(fixture(files), plainRuntime).threadsPerCore, threads);
    assertEquals(machineFacts(fixture({ ...files, [`${cpuDir}/smt/active`]: "0" }), plainRuntime).threadsPerCore, 1);
    assertEquals(
      machineFacts(fixture({ ...files, [`${cpuDir}/smt/active`]: "1" }), plainRuntime).threadsPerCore,
      threads,
    );
  });
}

Deno.test("version 2: the tightest group on the way up to the root counts", () => {
  const files = fixture({
    "/proc/self/cgroup": "0::/user.slice/app.service",
    "/sys/fs/cgroup/user.slice/app.service/memory.max": "max",
    "/sys/fs/cgroup/user.slice/app.service/memory.high": `${3 * GIB}`,
    "/sys/fs/cgroup/user.slice/app.service/memory.current": `${2 * GIB}`,
    "/sys/fs/cgroup/user.slice/app.service/memory.stat": `anon 5\ninactive_file ${GIB}\nactive_file 7`,
    "/sys/fs/cgroup/user.slice/memory.max": `${8 * GIB}`,
    "/sys/fs/cgroup/user.slice/memory.current": `${7 * GIB}`,
    "/sys/fs/cgroup/user.slice/app.service/cpu.max": "max 100000",
    "/sys/fs/cgroup/user.slice/cpu.max": "150000 100000",
  });
  assertEquals(groupLimits(files), { cpus: 1.5, memoryBytes: GIB });
  assertEquals(machineFacts(files, plainRuntime).memoryBytes, GIB);
  assertEquals(machineFacts(files, { ...plainRuntime, availableMemory: () => 5 }).memoryBytes, 5);
});

Deno.test("version 2 in a container: its group is the root that it sees", () => {
  const files = fixture({
    "/proc/self/cgroup": "0::/",
    "/sys/fs/cgroup/memory.max": `${GIB}`,
    "/sys/fs/cgroup/memory.current": `${2 * GIB}`,
    "/sys/fs/cgroup/cpu.max": "50000 100000",
  });
  assertEquals(groupLimits(files), { cpus: 0.5, memoryBytes: 0 });
});

Deno.test("version 1: controllers have groups of their own, and a huge limit is none", () => {
  const files = fixture({
    "/proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/",
    "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": `${4 * GIB}`,
    "/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": `${GIB}`,
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${9 * GIB}`,
    "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "250000",
    "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
  });
  assertEquals(groupLimits(files), { cpus: 2.5, memoryBytes: 3 * GIB });
});

Deno.test("version 1 in a container: groups that are not to be seen there are passed over", () => {
  const files = fixture({
    "/proc/self/cgroup": "5:memory:/docker/abc\n4:cpu:/docker/abc",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${2 * GIB}`,
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${GIB}`,
    "/sys/fs/cgroup/memory/memory.stat": `total_inactive_file 100`,
  });
  assertEquals(groupLimits(files), { cpus: undefined, memoryBytes: GIB + 100 });
});

Deno.test("the machine that runs this test has processors and memory", () => {
  const facts = machineFacts();
  assert(facts.threads >= 1 && facts.threadsPerCore >= 1, JSON.stringify(facts));
  assert(facts.memoryBytes === undefined || facts.memoryBytes > 0, JSON.stringify(facts));
  assertEquals(systemFiles.read("/proc/there/is/no/such/file"), undefined);
  assertEquals(systemFiles.realPath("/proc/there/is/no/such/file"), undefined);
});
