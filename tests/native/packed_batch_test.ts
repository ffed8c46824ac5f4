/** Listings of directories with any names against what a program that knows nothing of blit sees there. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { pathFromBytes } from "../../lib/base/path_bytes.ts";
import { Diff, Kind } from "../../lib/model/entry.ts";
import type { EntryBatch } from "../../lib/native/engine.ts";
import { openLibrary } from "../../lib/native/library.ts";
import { openNativeEngine } from "../../lib/native/native_engine.ts";
import { percentEncode } from "../support/fixture.ts";
import { linux, type Need, testNeeding } from "../support/needs.ts";
import type { EntryType, SnapshotEntry } from "../support/snapshot.ts";
import { Scene } from "./engine_harness.ts";

const shim: Need = { missing: openLibrary() ? undefined : "the shim was not built" };

const kinds: Record<EntryType, number> = {
  f: Kind.File,
  d: Kind.Directory,
  l: Kind.Symlink,
  p: Kind.Fifo,
  s: Kind.Socket,
  c: Kind.CharDevice,
  b: Kind.BlockDevice,
};

/** File names as bytes: no slash, no NUL, not "." or "..", at most 255; blit's own temporary names are another test's. */
const fileName = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 30, min: 1 }),
  fc.uint8Array({ minLength: 255, maxLength: 255, min: 1 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }).map((text) => new TextEncoder().encode(text)),
).map((bytes) => percentEncode(bytes.map((byte) => byte === 0x2f || byte === 0 ? 0x5f : byte)))
  .filter((name) => name !== "." && name !== "..");

interface Spec {
  readonly name: string;
  readonly type: "file" | "dir" | "symlink" | "fifo";
  readonly size: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

const entries = fc.uniqueArray(
  fc.record<Spec>({
    name: fileName,
    type: fc.constantFrom("file", "file", "dir", "symlink", "fifo"),
    size: fc.nat(9000),
    seconds: fc.integer({ min: -1_000_000, max: 2_000_000_000 }),
    nanoseconds: fc.nat(999_999_999),
  }),
  { selector: ({ name }) => name, maxLength: 40 },
);

function operations(specs: readonly Spec[]): string[] {
  return specs.flatMap(({ name, type, size, seconds, nanoseconds }) => [
    type === "file" ? `file ${name} ${size} 1` : type === "symlink" ? `symlink ${name} ${name}` : `${type} ${name}`,
    `time ${name} ${seconds} ${nanoseconds}`,
  ]);
}

function percentDecode(name: string): string {
  const bytes = [...name.matchAll(/%(..)|[^%]/g)].map(([char, hex]) => hex ? parseInt(hex, 16) : char.charCodeAt(0));
  return pathFromBytes(new Uint8Array(bytes));
}

function inodeOf(entry: SnapshotEntry): string {
  return entry.inode.split(":").map((hex) => BigInt(`0x${hex}`)).join(":");
}

/** To the microsecond: a double holds no more of the time since 1970. */
function microseconds(milliseconds: number): number {
  return Math.floor(milliseconds * 1000 + 0.5);
}

/** By name; every name must be there once. */
function indicesOf(batch: EntryBatch): Map<string, number> {
  const indices = new Map(Array.from({ length: batch.count }, (_, i) => [batch.name(i), i]));
  assertEquals(indices.size, batch.count);
  return indices;
}

testNeeding([linux, shim], "a listing tells of each entry what is there, whatever its name", async () => {
  await fc.assert(
    fc.asyncProperty(entries, async (specs) => {
      await using scene = await Scene.open((config) => openNativeEngine(config)!);
      await scene.dir.make("src", operations(specs));
      const seen = [...await scene.dir.snapshot("src")].filter(([path]) => path !== ".");
      const batch = (await scene.list({ onDestination: false, stat: true })).batch;
      assertEquals(batch?.count ?? 0, specs.length);
      assertEquals(seen.length, specs.length);
      if (!batch) return;
      const indices = indicesOf(batch);
      for (const [path, entry] of seen) {
        const i = indices.get(percentDecode(path))!;
        const known = [batch.kind(i), batch.size(i), batch.nlink(i), batch.inode(i)];
        assertEquals(known, [kinds[entry.type], entry.size, entry.links, inodeOf(entry)]);
        const apart = microseconds(batch.mtimeMs(i)) - microseconds(Number(entry.mtimeNs) / 1e6);
        assert(Math.abs(apart) <= 1, `${apart} microseconds apart`);
        assertEquals([batch.known(i), batch.dstKind(i), batch.diff(i)], [true, Kind.None, 0]);
        assertEquals(i < batch.others, entry.type !== "d");
      }
      assertEquals(batch.others + batch.dirs, batch.count);
      batch.release();
    }),
    { numRuns: 25 },
  );
});

testNeeding([linux, shim], "a comparison finds what is equal, what differs and what only one side has", async () => {
  const presence = fc.array(fc.constantFrom("src", "dst", "equal", "time"), { minLength: 40, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(entries, presence, async (specs, presence) => {
      await using scene = await Scene.open((config) => openNativeEngine(config)!);
      const where = (spec: Spec) => presence[specs.indexOf(spec)];
      await scene.dir.make("src", operations(specs.filter((spec) => where(spec) !== "dst")));
      const later = (spec: Spec) => where(spec) === "time" ? { ...spec, seconds: spec.seconds + 1 } : spec;
      await scene.dir.make("dst", operations(specs.filter((spec) => where(spec) !== "src").map(later)));
      const batch = (await scene.list({ all: true })).batch;
      if (!batch) return assertEquals(specs, []);
      const indices = indicesOf(batch);
      assertEquals(indices.size, specs.length);
      for (const spec of specs) {
        const i = indices.get(percentDecode(spec.name))!;
        const place = where(spec);
        assertEquals(i >= batch.others + batch.dirs, place === "dst", spec.name);
        assertEquals(batch.dstKind(i) === Kind.None, place === "src");
        // Directories are compared by their own listing.
        const differs = place === "time" && spec.type !== "dir";
        assertEquals(batch.diff(i), differs ? Diff.Mtime : 0);
      }
      batch.release();
    }),
    { numRuns: 25 },
  );
});
