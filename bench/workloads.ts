/**
 * The rows of the bench, as data: what is copied, onto what, against which floor. Sizes and counts grow with the scale;
 * at scale 1 they are what the title says.
 */

import type { Entry } from "./manifest.ts";
import {
  beforeChange,
  changedBack,
  deepTree,
  equalFiles,
  mixedFiles,
  oneFile,
  smallFiles,
  sourceTree,
  sparseFile,
  wideTree,
} from "./shapes.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

export type Floor =
  /** Many files: scan, then whole files over the cores. */
  | "tree"
  /** One file in ranges over the cores, or cloned. */
  | "large"
  /** One file, its data only. */
  | "sparse"
  /** Both sides compared, differences rewritten. */
  | "mirror"
  /** Both sides read. */
  | "checksum";

export interface Workload {
  readonly id: string;
  readonly title: string;
  /** `copy`: into a directory that does not exist; `mirror`: onto `destination`, deletions included. */
  readonly task: "copy" | "mirror";
  /** Contents are compared, not sizes and times. */
  readonly checksum?: boolean;
  readonly floor: Floor;
  /** For a workload of one file: its name. */
  readonly fileName?: string;
  /** Timed runs per run asked for: short rows need more of them. */
  readonly runFactor: number;
  /** Where it is measured unless places are named; everywhere when absent. */
  readonly places?: readonly string[];
  /** Whether the row is about starting up: the empty program is measured beside it. */
  readonly startup?: boolean;
  source(scale: number): Iterable<Entry>;
  /** What stands at the destination before the first run (mirror only). */
  destination?(scale: number): Iterable<Entry>;
  /** Entries that take the destination back to that state before every run; absent when nothing changes it. */
  restore?(scale: number): Iterable<Entry>;
}

function scaled(full: number, scale: number, least: number): number {
  return Math.max(least, Math.round(full * scale));
}

const small = (scale: number) => smallFiles(scaled(100_000, scale, 20));
const fewer = (scale: number) => smallFiles(scaled(20_000, scale, 20));
const changedEvery = 100;

export const workloads: readonly Workload[] = [
  {
    id: "small100k",
    title: "100k files of 1 to 10 KiB",
    task: "copy",
    floor: "tree",
    runFactor: 1,
    places: ["tmpfs", "xfs"],
    source: small,
  },
  {
    id: "nochange",
    title: "the same tree mirrored again, nothing changed",
    task: "mirror",
    floor: "mirror",
    runFactor: 2,
    places: ["tmpfs", "xfs"],
    source: small,
    destination: small,
  },
  {
    id: "changed1",
    title: "20k such files mirrored again, 1 % of them changed",
    task: "mirror",
    floor: "mirror",
    runFactor: 1,
    places: ["tmpfs"],
    source: fewer,
    destination: (scale) => beforeChange(fewer(scale), changedEvery),
    restore: (scale) => changedBack(fewer(scale), changedEvery),
  },
  {
    id: "checksum",
    title: "20k such files mirrored again, contents compared",
    task: "mirror",
    checksum: true,
    floor: "checksum",
    runFactor: 1,
    places: ["tmpfs"],
    source: fewer,
    destination: fewer,
  },
  {
    id: "one2g",
    title: "one file of 2 GiB",
    task: "copy",
    floor: "large",
    fileName: "large.bin",
    runFactor: 1,
    places: ["tmpfs", "xfs", "ext4", "cross"],
    source: (scale) => oneFile("large.bin", scaled(2 * GiB, scale, MiB)),
  },
  {
    id: "one4g",
    title: "one file of 4 GiB",
    task: "copy",
    floor: "large",
    fileName: "large.bin",
    runFactor: 1,
    places: ["tmpfs"],
    source: (scale) => oneFile("large.bin", scaled(4 * GiB, scale, MiB)),
  },
  {
    id: "tiny",
    title: "one file of 4 KiB",
    task: "copy",
    floor: "tree",
    runFactor: 5,
    places: ["tmpfs"],
    startup: true,
    source: () => oneFile("tiny.bin", 4 * KiB),
  },
  {
    id: "eight1m",
    title: "8 files of 1 MiB",
    task: "copy",
    floor: "tree",
    runFactor: 5,
    places: ["tmpfs"],
    source: () => equalFiles(8, MiB),
  },
  {
    id: "mixed",
    title: "1k files, 80 % of the bytes in large ones",
    task: "copy",
    floor: "tree",
    runFactor: 1,
    places: ["tmpfs", "btrfs"],
    source: (scale) => mixedFiles(scaled(1000, scale, 50)),
  },
  {
    id: "source",
    title: "a source tree of 40k files, shaped like a kernel's",
    task: "copy",
    floor: "tree",
    runFactor: 1,
    places: ["tmpfs"],
    source: (scale) => sourceTree(scaled(40_000, scale, 100)),
  },
  {
    id: "sparse",
    title: "a sparse image of 10 GiB with 1 % data",
    task: "copy",
    floor: "sparse",
    fileName: "image.raw",
    runFactor: 1,
    places: ["tmpfs"],
    source: (scale) => sparseFile("image.raw", scaled(10 * GiB, scale, 16 * MiB), 64 * KiB, 6400 * KiB),
  },
  {
    id: "deep",
    title: "300 levels of directories",
    task: "copy",
    floor: "tree",
    runFactor: 2,
    places: ["tmpfs"],
    source: (scale) => deepTree(scaled(300, scale, 10), 8),
  },
  {
    id: "wide",
    title: "one directory with 20k files of 512 bytes",
    task: "copy",
    floor: "tree",
    runFactor: 1,
    places: ["tmpfs"],
    source: (scale) => wideTree(scaled(20_000, scale, 20)),
  },
];

export function workloadById(id: string): Workload | undefined {
  return workloads.find((workload) => workload.id === id);
}
