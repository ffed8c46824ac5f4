/** `--dry-run` changes nothing and counts exactly what the real run then does. */

import { assertEquals } from "@std/assert";
import { type Content, testDirectory } from "../support/environment.ts";
import { assertExit, assertUntouched } from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type Json } from "../support/program.ts";
import type { Snapshot } from "../support/snapshot.ts";
import { everyKind, randomTree } from "../support/tree.ts";

/** Figures that depend on how the bytes were moved or how long it took. */
const NOT_COMPARED = new Set([
  "dry_run",
  "changes",
  "duration_ms",
  "bytes_per_second",
  "bytes_by_method",
  "route",
  "route_reason",
  "predicted_planning_ms",
  "planning_ms",
  "workers",
  "stalls",
  "notices",
]);

function counts(summary: Json): Json {
  return Object.fromEntries(Object.entries(summary ?? {}).filter(([key]) => !NOT_COMPARED.has(key)));
}

/** Runs dry, checks that nothing was touched, runs for real, compares the figures and the lists of changes. */
async function assertSameCounts(
  root: string,
  listing: () => Promise<Snapshot>,
  args: string[],
) {
  const before = await listing();
  const dry = await blitJson([...args, "--dry-run"], { cwd: root });
  assertUntouched(before, await listing(), "the tree of a dry run");
  const real = await blitJson([...args, "-v"], { cwd: root });
  assertEquals(counts(dry.summary), counts(real.summary), args.join(" "));
  assertEquals(dry.code, real.code, args.join(" "));
  // Which name of a hard-linked entry is written and which are linked to it depends on what comes first.
  const written = (change: string) => ["create", "replace", "link"].includes(change) ? "written" : change;
  const lines = (summary: Json) =>
    summary.changes.map((change: Json) => `${written(change.change)} ${change.kind} ${change.path}`).sort();
  const [promised, done] = [lines(dry.summary), lines(real.summary)];
  const [allDone, allPromised] = [new Set(done), new Set(promised)];
  const message = args.join(" ");
  assertEquals(promised.filter((line: string) => !allDone.has(line)), [], `listed, but not done: ${message}`);
  assertEquals(done.filter((line: string) => !allPromised.has(line)), [], `done, but not listed: ${message}`);
  assertEquals(promised.length, done.length, message);
}

const SCENARIOS: Record<string, { entries: Record<string, Content>; args: string[] }> = {
  "a first copy": { entries: { "src/a": "A", "src/d/b": "B", "src/e": null }, args: ["copy", "src/", "dst"] },
  "a nested copy": { entries: { "src/a": "A", "src/d/b": "B", "dst/x": "X" }, args: ["copy", "src", "dst"] },
  "a single file": { entries: { "file": "F", "dst/file": "old" }, args: ["copy", "file", "dst"] },
  "a partial copy": {
    entries: { "src/a": "new", "src/b": "B", "dst/a": "old!", "dst/c": "C" },
    args: ["copy", "src/", "dst"],
  },
  "several sources": {
    entries: { "s/a": "A", "t/b": "B", "file": "F", "dst": null },
    args: ["copy", "s", "t/", "file", "dst"],
  },
  "a mirror with deletions": {
    entries: { "src/a": "A", "dst/b": "B", "dst/d/e/f": "F", "dst/l": { to: "a" }, "dst/g": null },
    args: ["mirror", "src/", "dst", "--yes"],
  },
  "a mirror that replaces kinds": {
    entries: {
      "src/a": "A",
      "src/d/x": "X",
      "src/l": { to: "a" },
      "dst/a/deep/y": "Y",
      "dst/d": "file",
      "dst/l/z": "Z",
    },
    args: ["mirror", "src/", "dst", "--yes"],
  },
  "a mirror that may not delete": {
    entries: { "src/a": "A", "dst/b": "B", "dst/c": "C" },
    args: ["mirror", "src/", "dst", "--yes", "--max-delete", "1"],
  },
  "a mirror with filters": {
    entries: { "src/a": "A", "src/b.o": "B", "dst/c": "C", "dst/d.o": "D", "dst/e/f.o": "F", "dst/e/g": "G" },
    args: ["mirror", "src/", "dst", "--yes", "--exclude", "*.o"],
  },
  "a mirror of wider scope": {
    entries: { "src/a": "A", "src/b.o": "B", "dst/c": "C", "dst/d.o": "D", "dst/e/f.o": "F" },
    args: ["mirror", "src/", "dst", "--yes", "--exclude", "*.o", "--delete-scope", "all"],
  },
  "a mirror with a backup": {
    entries: { "src/a": "new", "dst/a": "old!", "dst/b/c": "C" },
    args: ["mirror", "src/", "dst", "--yes", "--backup-dir", "backup"],
  },
  "a copy with a conflict": {
    entries: { "src/a": "A", "src/b/c": "C", "dst/a/x": "X", "dst/b": "file" },
    args: ["copy", "src/", "dst"],
  },
  "a copy by checksum": {
    entries: { "src/a": "1234", "src/b": "B", "dst/a": "4321", "dst/b": "B" },
    args: ["copy", "src/", "dst", "--checksum"],
  },
  "a copy by size": {
    entries: { "src/a": "1234", "src/b": "B", "dst/a": "4321", "dst/b": "BB" },
    args: ["copy", "src/", "dst", "--size-only"],
  },
  "a copy of all": { entries: { "src/a": "1234", "dst/a": "4321" }, args: ["copy", "src/", "dst", "--ignore-times"] },
  "a copy of what is missing": {
    entries: { "src/a": "A", "src/b": "B", "dst/a": "old" },
    args: ["copy", "src/", "dst", "--ignore-existing"],
  },
  "a move onto a tree": {
    entries: { "src/a": "A", "src/d/b": "B", "dst/a": "old!", "dst/d/c": "C" },
    args: ["move", "src/", "dst"],
  },
  "a move by rename": { entries: { "src/a": "A", "src/d/b": "B" }, args: ["move", "src", "dst"] },
};

for (const [name, { entries, args }] of Object.entries(SCENARIOS)) {
  Deno.test(`a dry run counts like the real one: ${name}`, async () => {
    await using dir = await testDirectory();
    await dir.write(entries);
    await assertSameCounts(dir.path, () => dir.snapshot(), args);
  });
}

testNeeding(
  [linux, command("cc")],
  "a dry run counts like the real one: every kind of entry, new and onto another tree",
  async () => {
    await using dir = await testDirectory();
    const metadata = await supportedMetadata(dir.path);
    await dir.make("src", everyKind(metadata).lines());
    await dir.make("other", randomTree(11, 150, metadata).lines());
    const listing = () => dir.snapshot("dst");
    await dir.make("dst", []);
    await assertSameCounts(dir.path, listing, ["copy", "src/", "dst"]);
    await dir.make("src", [
      "mode sizes/1 600",
      "time links/relative 7 7",
      "attribute empty user.x 31",
      "time nested 5 5",
    ]);
    await assertSameCounts(dir.path, listing, ["copy", "src/", "dst"]);
    await assertSameCounts(dir.path, listing, ["mirror", "other/", "dst", "--yes"]);
    await assertSameCounts(dir.path, listing, ["mirror", "src/", "dst", "--yes"]);
  },
);

Deno.test("a dry run lists each change with its sign and path", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/new": "N",
    "src/changed": "12",
    "src/d/deep": "D",
    "dst/changed": "1",
    "dst/extra": "E",
    "dst/gone/x": "X",
  });
  const result = await blit(["mirror", "--dry-run", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  const lines = result.stdout.split("\n").filter((line) => /^[-+~.h=] /.test(line) && !line.endsWith(" ./")).sort();
  assertEquals(lines, ["+ d/", "+ d/deep", "+ new", "- extra", "- gone/", "- gone/x", "~ changed"].sort());
});
