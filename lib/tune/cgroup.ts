/**
 * What control groups (containers, systemd units) leave of processors and memory: versions 1 and 2, mounted where everybody
 * mounts them. Every group above counts too, so the walk goes up to the root.
 */

import { readNumber, type SystemFiles } from "./system_files.ts";

export interface GroupLimits {
  /** Processors' worth of time, 1.5 for example; undefined without a limit. */
  readonly cpus?: number;
  /** Bytes still to be had, page cache that can be dropped included; undefined without a limit. */
  readonly memoryBytes?: number;
}

/** Version 1 says "no limit" with the largest number of pages. */
const NO_LIMIT = 2 ** 60;

export function groupLimits(files: SystemFiles): GroupLimits {
  const lines = files.read("/proc/self/cgroup")?.split("\n") ?? [];
  return {
    cpus: least(groupsOf(lines, "cpu").map((group) => cpusOf(files, group))),
    memoryBytes: least(groupsOf(lines, "memory").map((group) => memoryOf(files, group))),
  };
}

interface Group {
  readonly dir: string;
  readonly version: 1 | 2;
}

/** The group of this process for a controller and all above it. A container may see its own group as the root: that counts too. */
function groupsOf(lines: readonly string[], controller: string): Group[] {
  const old = lines.map((line) => /^\d+:([^:]+):(\/.*)$/.exec(line))
    .find((match) => match?.[1].split(",").includes(controller));
  const unified = lines.map((line) => /^0::(\/.*)$/.exec(line)).find((match) => match !== null);
  const base = old ? `/sys/fs/cgroup/${controller}` : "/sys/fs/cgroup";
  const groups: Group[] = [];
  for (let path = old?.[2] ?? unified?.[1] ?? "/"; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    if (path !== "/") groups.push({ dir: base + path, version: old ? 1 : 2 });
  }
  return [...groups, { dir: base, version: old ? 1 : 2 }];
}

function cpusOf(files: SystemFiles, { dir, version }: Group): number | undefined {
  const [quota, period] = version === 2
    ? (files.read(`${dir}/cpu.max`) ?? "").split(" ").map(Number)
    : [readNumber(files, `${dir}/cpu.cfs_quota_us`) ?? -1, readNumber(files, `${dir}/cpu.cfs_period_us`) ?? 0];
  return quota > 0 && period > 0 ? quota / period : undefined;
}

function memoryOf(files: SystemFiles, { dir, version }: Group): number | undefined {
  const limits = version === 2 ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"];
  const limit = least(limits.map((name) => readNumber(files, `${dir}/${name}`)));
  if (limit === undefined || limit >= NO_LIMIT) return undefined;
  const used = readNumber(files, `${dir}/${version === 2 ? "memory.current" : "memory.usage_in_bytes"}`);
  if (used === undefined) return undefined;
  const droppable = /^(?:total_)?inactive_file (\d+)$/m.exec(files.read(`${dir}/memory.stat`) ?? "");
  return Math.max(0, limit - used + Number(droppable?.[1] ?? 0));
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
