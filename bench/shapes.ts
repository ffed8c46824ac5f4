/**
 * The trees that workloads are made of, as deterministic generators: the same arguments give the same entries on every
 * machine and in every run. No I/O.
 */

import type { DirEntry, Entry, FileEntry } from "./manifest.ts";
import { between, normal, seededRandom } from "./random.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Spreads times over two years in the past, with nanoseconds that whole-second tools cannot keep. */
function mtimeNs(index: number): bigint {
  return (1_600_000_000n + BigInt((index * 631) % 63_000_000)) * 1_000_000_000n +
    BigInt((index * 7_919_317) % 1_000_000_000);
}

function dir(path: string, index: number): DirEntry {
  return { kind: "dir", path, mode: 0o755, mtimeNs: mtimeNs(index) };
}

function file(path: string, index: number, size: number, mode = 0o644): FileEntry {
  return { kind: "file", path, mode, mtimeNs: mtimeNs(index), size, seed: index + 1 };
}

function padded(index: number, digits: number): string {
  return String(index).padStart(digits, "0");
}

/** `count` files of 1 to 10 KiB, 100 to a directory, about 31 directories below each top one. */
export function* smallFiles(count: number): Generator<Entry> {
  const random = seededRandom(1);
  for (let index = 0; index < count; index++) {
    const leaf = Math.floor(index / 100);
    const top = `top${padded(Math.floor(leaf / 31), 3)}`;
    if (index % 3100 === 0) yield dir(top, 1_000_000 + leaf);
    const parent = `${top}/dir${padded(leaf, 5)}`;
    if (index % 100 === 0) yield dir(parent, 2_000_000 + leaf);
    yield file(`${parent}/file${padded(index, 7)}.dat`, index, between(random, 1 * KiB, 10 * KiB));
  }
}

export function* oneFile(name: string, size: number): Generator<Entry> {
  yield file(name, 1, size);
}

export function* equalFiles(count: number, size: number): Generator<Entry> {
  for (let index = 0; index < count; index++) yield file(`file${padded(index, 3)}.bin`, index, size);
}

/** 49 files of about 200 KiB for each one of 40 MiB: the large ones hold 80 % of the bytes. */
export function* mixedFiles(count: number): Generator<Entry> {
  const random = seededRandom(2);
  for (let index = 0; index < count; index++) {
    const parent = `set${padded(Math.floor(index / 50), 3)}`;
    if (index % 50 === 0) yield dir(parent, 1_000_000 + index);
    const size = index % 50 === 25 ? 40 * MiB : between(random, 8 * KiB, 400 * KiB);
    yield file(`${parent}/file${padded(index, 5)}.bin`, index, size);
  }
}

/** A file with `extent` bytes of data in every `stride`. */
export function* sparseFile(name: string, size: number, extent: number, stride: number): Generator<Entry> {
  yield { ...file(name, 1, size), sparse: { extent, stride } };
}

/** A chain of directories, each with `filesPerLevel` files of 2 KiB. */
export function* deepTree(levels: number, filesPerLevel: number): Generator<Entry> {
  let path = "";
  for (let level = 0; level < levels; level++) {
    path = level === 0 ? "d000" : `${path}/d${padded(level, 3)}`;
    yield dir(path, 1_000_000 + level);
    for (let index = 0; index < filesPerLevel; index++) yield file(`${path}/f${index}`, level * 100 + index, 2 * KiB);
  }
}

/** One directory with `count` files of 512 bytes. */
export function* wideTree(count: number): Generator<Entry> {
  yield dir("wide", 1_000_000);
  for (let index = 0; index < count; index++) yield file(`wide/file${padded(index, 7)}`, index, 512);
}

/** Of the files of `countedTree` one in so many has any bytes; four million entries then fit, twice, into 16 GiB. */
export const tinyEvery = 8;

/** `count` entries in directories of 1000 (the directory counted): most files are empty, the others fit into one page. */
export function* countedTree(count: number): Generator<Entry> {
  for (let index = 0; index < count; index++) {
    const parent = `dir${padded(Math.floor(index / 1000), 5)}`;
    const inDir = index % 1000;
    if (inDir === 0) yield dir(parent, index);
    else yield file(`${parent}/file${padded(inDir, 3)}`, index, inDir % tinyEvery === 0 ? 1 + index % 61 : 0);
  }
}

/**
 * A source tree like a kernel's: one directory for 15 files, most of them within five levels, sizes log-normal (median
 * 4.6 KiB, mean about 15 KiB), a few scripts and symbolic links.
 */
export function* sourceTree(fileCount: number): Generator<Entry> {
  const random = seededRandom(3);
  const dirCount = Math.max(1, Math.round(fileCount / 15));
  const dirs: string[] = [];
  const filesIn: number[] = new Array(dirCount).fill(0);
  for (let index = 0; index < dirCount; index++) {
    // Squaring prefers early, hence shallow, parents: average depth near five instead of nine.
    const parent = index < 24 ? "" : dirs[Math.floor(random() ** 2 * index)] + "/";
    dirs.push(`${parent}${stems[index % stems.length]}${index}`);
  }
  for (let index = 0; index < fileCount; index++) filesIn[Math.floor(random() ** 1.5 * dirCount)]++;
  let index = 0;
  for (let at = 0; at < dirCount; at++) {
    yield dir(dirs[at], 1_000_000 + at);
    for (let inDir = 0; inDir < filesIn[at]; inDir++, index++) yield sourceFile(dirs[at], index, random);
  }
}

const stems = ["drivers", "arch", "net", "fs", "sound", "include", "tools", "lib"];
const suffixes = [".c", ".h", ".c", ".h", ".c", ".rst", ".dts", "_core.c", "/Makefile"];

function sourceFile(parent: string, index: number, random: () => number): Entry {
  if (index % 1300 === 1299) {
    return { kind: "link", path: `${parent}/link${index}`, target: `../file${index - 1}.c`, mtimeNs: mtimeNs(index) };
  }
  const size = Math.min(4 * MiB, Math.round(4.6 * KiB * Math.exp(1.55 * normal(random))));
  const suffix = suffixes[index % suffixes.length].replace("/", `${index}.`);
  return file(`${parent}/file${index}${suffix}`, index, size, index % 50 === 0 ? 0o755 : 0o644);
}

/** The tree before some of its files changed: every `every`-th file had other bytes, another size and an older time. */
export function* beforeChange(entries: Iterable<Entry>, every: number): Generator<Entry> {
  let index = 0;
  for (const entry of entries) {
    yield entry.kind === "file" && index++ % every === 0 ? olderVersion(entry) : entry;
  }
}

/** What takes a tree that was brought up to date back to `beforeChange`: the older files, and all directory times. */
export function* changedBack(entries: Iterable<Entry>, every: number): Generator<Entry> {
  let index = 0;
  for (const entry of entries) {
    if (entry.kind === "dir") yield entry;
    if (entry.kind === "file" && index++ % every === 0) yield olderVersion(entry);
  }
}

/** Every `every`-th file, and all directories: brings back those files where they were removed, and all times. */
export function* everyFile(entries: Iterable<Entry>, every: number): Generator<Entry> {
  let index = 0;
  for (const entry of entries) {
    if (entry.kind === "dir" || entry.kind === "file" && index++ % every === 0) yield entry;
  }
}

function olderVersion(entry: FileEntry): FileEntry {
  return {
    ...entry,
    size: entry.size + (entry.seed % 2 === 0 ? 0 : 17),
    seed: entry.seed + 500_000_000,
    mtimeNs: entry.mtimeNs - 86_400_000_000_000n,
  };
}
