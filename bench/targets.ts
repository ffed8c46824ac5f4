/** How fast blit means to be, row by row, as data; verdict.ts says which are met. */

/** `factor`: the other's time over blit's. `margin`: blit's time over the floor's. The others in milliseconds. */
export type Target =
  & {
    readonly workload: string;
    /** Everywhere when absent. */
    readonly places?: readonly string[];
  }
  & (
    | { readonly kind: "faster"; readonly than: string; readonly factor: number }
    | { readonly kind: "floor"; readonly than: string; readonly margin: number }
    | { readonly kind: "under"; readonly limitMs: number }
    | { readonly kind: "over-baseline"; readonly than: string; readonly limitMs: number }
  );

const memoryAndXfs = ["tmpfs", "xfs"];

const fast = ["push:loopback", "pull:loopback", "push:veth", "pull:veth"];
const slow = ["push:wan", "pull:wan"];

export const targets: readonly Target[] = [
  { workload: "small100k", places: memoryAndXfs, kind: "faster", than: "rsync", factor: 3 },
  { workload: "small100k", places: memoryAndXfs, kind: "faster", than: "cp", factor: 2 },
  { workload: "small100k", places: memoryAndXfs, kind: "floor", than: "floor", margin: 1.25 },
  { workload: "nochange", places: memoryAndXfs, kind: "faster", than: "rsync", factor: 1.5 },
  { workload: "one2g", places: ["tmpfs", "ext4"], kind: "faster", than: "cp", factor: 1.15 },
  { workload: "one2g", places: ["xfs"], kind: "under", limitMs: 100 },
  { workload: "one2g", places: fast, kind: "faster", than: "rsyncd", factor: 2 },
  { workload: "one2g", places: fast, kind: "floor", than: "floor-stream", margin: 1.15 },
  { workload: "small100k", places: fast, kind: "faster", than: "rsyncd", factor: 2.5 },
  { workload: "nochange", places: fast, kind: "faster", than: "rsyncd", factor: 1 },
  { workload: "one64m", places: slow, kind: "faster", than: "rsyncd", factor: 3 },
  { workload: "tiny", kind: "over-baseline", than: "empty", limitMs: 15 },
];
