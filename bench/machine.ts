/** What the results were measured on, and how busy it was. Facts that cannot be read are left out, not guessed. */

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly kernel: string;
  readonly virtual: boolean;
  readonly load_average: readonly number[];
  readonly deno: string;
}

export async function describeMachine(): Promise<Machine> {
  const cpuInfo = await readText("/proc/cpuinfo");
  return {
    cpu: cpuInfo.match(/^model name\s*:\s*(.*)$/m)?.[1] ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    memory_gib: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(cpuInfo),
    load_average: Deno.loadavg().map((load) => Math.round(load * 100) / 100),
    deno: Deno.version.deno,
  };
}

/** Bytes that can be used without swapping. */
export function availableMemory(): number {
  return Deno.systemMemoryInfo().available;
}

export async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}
