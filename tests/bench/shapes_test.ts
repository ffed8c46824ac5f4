import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { encodeEntry, type Entry, factsOf } from "../../bench/manifest.ts";
import {
  beforeChange,
  changedBack,
  countedTree,
  everyFile,
  mixedFiles,
  smallFiles,
  sourceTree,
  sparseFile,
  tinyEvery,
} from "../../bench/shapes.ts";
import { workloads } from "../../bench/workloads.ts";

async function digest(entries: Iterable<Entry>): Promise<string> {
  const text = [...entries].map(encodeEntry).join("");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex();
}

Deno.test("every workload's tree is the same each time", async () => {
  for (const workload of workloads) {
    assertEquals(await digest(workload.source(0.01)), await digest(workload.source(0.01)), workload.id);
  }
});

Deno.test("the small tree is the one that earlier results were measured on", async () => {
  assertEquals(await digest(smallFiles(1000)), "a87a97fa200654d0502487bca93678a975bec7df80c3c771677d741bd6eca388");
  assertEquals(await digest(sourceTree(500)), "b5324e9a1b97bb75d0669f81ec2450d959a00ea7ab8bd97995fe39a29d25d619");
});

Deno.test("a directory comes before what is in it, and no path comes twice", () => {
  for (const workload of workloads) {
    const seen = new Set<string>();
    for (const { path } of workload.source(0.02)) {
      const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : undefined;
      assert(parent === undefined || seen.has(parent), `${workload.id}: ${path} before its directory`);
      assert(!seen.has(path), `${workload.id}: ${path} twice`);
      seen.add(path);
    }
  }
});

Deno.test("at scale 1 the trees are what their titles say", () => {
  const small = factsOf(smallFiles(100_000));
  assertEquals([small.files, small.directories], [100_000, 1033]);
  assert(small.bytes > 530 * 2 ** 20 && small.bytes < 560 * 2 ** 20);
  const large = [...mixedFiles(1000)].filter((entry) => entry.kind === "file" && entry.size > 2 ** 20);
  const share = factsOf(large).bytes / factsOf(mixedFiles(1000)).bytes;
  assert(share > 0.78 && share < 0.82, `${share}`);
  const sparse = factsOf(sparseFile("image", 10 * 2 ** 30, 64 * 1024, 6400 * 1024));
  assert(Math.abs(sparse.allocated / sparse.bytes - 0.01) < 0.001);
});

Deno.test("one file in a hundred changes, and the way back touches only those and the directories' times", () => {
  const now = [...smallFiles(500)];
  const before = [...beforeChange(now, 100)];
  const differing = before.filter((entry, index) => encodeEntry(entry) !== encodeEntry(now[index]));
  assertEquals(differing.length, 5);
  for (const [index, entry] of before.entries()) assertEquals(entry.path, now[index].path);
  const back = [...changedBack(now, 100)];
  assertEquals(back.filter((entry) => entry.kind === "file"), differing.filter((entry) => entry.kind === "file"));
  assertEquals(factsOf(back).directories, factsOf(now).directories);
  assertNotEquals(factsOf(back).files, factsOf(now).files);
});

Deno.test("a counted tree has as many entries as asked for, most of its files empty", () => {
  const { files, directories, allocated } = factsOf(countedTree(2500));
  assertEquals([files, directories], [2497, 3]);
  assert(Math.abs(allocated / 4096 - files / tinyEvery) <= 3);
});

Deno.test("every hundredth file is taken of empty and of filled ones, with all directories", () => {
  const taken = [...everyFile(countedTree(10_000), 100)];
  assertEquals(factsOf(taken).directories, 10);
  assertEquals(factsOf(taken).files, 100);
  const empty = taken.filter((entry) => entry.kind === "file" && entry.size === 0).length;
  assert(empty > 80 && empty < 95, `${empty}`);
});
