/** What this machine has to offer right now: processors and memory, less what control groups withhold. */

import { groupLimits } from "./cgroup.ts";
import { readNumber, type SystemFiles, systemFiles } from "./system_files.ts";

export interface MachineFacts {
  /** Hardware threads this process may use. */
  readonly threads: number;
  /** Of them, how many share a core; 1 without hyper-threading. */
  readonly threadsPerCore: number;
  /** Processor time that a control group grants, in processors; undefined without a limit. */
  readonly cpuQuota?: number;
  /** Bytes to be had without paging and within the control group's limit; undefined when not known. */
  readonly memoryBytes?: number;
}

/** What Deno tells on every system. */
export interface Runtime {
  readonly threads: number;
  availableMemory(): number | undefined;
}

/** Processors that this process may use. BLIT_CPUS says another number, to try out what happens on such a machine. */
export function processorCount(): number {
  const simulated = Number(Deno.env.get("BLIT_CPUS"));
  return simulated >= 1 ? Math.floor(simulated) : navigator.hardwareConcurrency;
}

const denoRuntime: Runtime = {
  get threads() {
    return processorCount();
  },
  availableMemory: () => Deno.systemMemoryInfo().available || undefined,
};

export function machineFacts(files: SystemFiles = systemFiles, runtime: Runtime = denoRuntime): MachineFacts {
  const limits = groupLimits(files);
  const available = runtime.availableMemory();
  const memory = [available, limits.memoryBytes].filter((bytes) => bytes !== undefined);
  return {
    threads: Math.max(1, runtime.threads),
    threadsPerCore: threadsPerCore(files),
    cpuQuota: limits.cpus,
    memoryBytes: memory.length === 0 ? undefined : Math.min(...memory),
  };
}

/** One core stands for all: reading every core's file costs milliseconds on a large machine. */
function threadsPerCore(files: SystemFiles): number {
  if (readNumber(files, "/sys/devices/system/cpu/smt/active") === 0) return 1;
  const siblings = files.read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
  return Math.max(1, countOfList(siblings ?? ""));
}

/** How many processors "0,32" or "0-3,8" names. */
function countOfList(list: string): number {
  return [...list.matchAll(/(\d+)(?:-(\d+))?/g)].reduce(
    (sum, [, from, to]) => sum + Number(to ?? from) - Number(from) + 1,
    0,
  );
}

/** Tells this machine, since its start, from all others; "" where the system does not say. */
export function machineId(files: SystemFiles = systemFiles): string {
  return (files.read("/proc/sys/kernel/random/boot_id") ?? "").trim();
}
