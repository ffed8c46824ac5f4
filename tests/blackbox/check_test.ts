/** `check`: finds every difference, changes nothing, and its exit code says which. */

import { assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary, assertUntouched, fail } from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { command, linux, root, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type Json, type JsonResult } from "../support/program.ts";
import { everyKind } from "../support/tree.ts";

/** "change path" of each listed difference, sorted. */
function listed(result: JsonResult): string[] {
  return result.summary.changes.map((change: Json) => `${change.change} ${change.path}`).sort();
}

Deno.test("check: equal trees exit with 0, whatever they hold", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/sub/b": "B", "src/empty": null, "src/link": { to: "a" } });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  const before = await dir.snapshot();
  for (const options of [[], ["--checksum"], ["--one-way"], ["--checksum", "--one-way"]]) {
    const result = await blitJson(["check", ...options, dir.at("src/"), dir.at("dst")]);
    assertExit(result, 0);
    assertSummary(result, { status: "ok", files_total: 3, files_unchanged: 3, files_copied: 0, changes: [] });
  }
  assertUntouched(before, await dir.snapshot(), "the trees");
});

Deno.test("check: an entry against a directory of its name counts as one that differs", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/file": "F", "src/link": { to: "x" }, "dst/file": null, "dst/link/in": "I" });
  const result = await blitJson(["check", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertSummary(result, { files_total: 2, files_copied: 2, files_unchanged: 0 });
  const kinds = result.summary.changes.map(({ change, kind, path }: Json) => `${change} ${kind} ${path}`).sort();
  assertEquals(kinds, ["replace file file", "replace symlink link"]);
});

testNeeding([linux, command("cc")], "check: a copy of every kind of entry is equal by checksum too", async () => {
  await using dir = await testDirectory();
  await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  assertExit(await blit(["check", dir.at("src/"), dir.at("dst")]), 0);
  assertExit(await blit(["check", "--checksum", dir.at("src/"), dir.at("dst")]), 0);
});

Deno.test("check: missing, different, extra and touched entries are listed and nothing is changed", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/same": "S",
    "src/changed": "1",
    "src/missing": "M",
    "src/touched": "T",
    "src/d/missing": "M",
    "src/mode": "P",
  });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  await dir.write({ "dst/changed": "12", "dst/extra": "E", "dst/tree/extra": "E" });
  await Deno.remove(dir.at("dst/missing"));
  await Deno.remove(dir.at("dst/d"), { recursive: true });
  await Deno.chmod(dir.at("dst/mode"), 0o600);
  const before = await dir.snapshot();
  const result = await blitJson(["check", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  const expected = [
    "create d",
    "create d/missing",
    "create missing",
    "delete extra",
    "delete tree",
    "delete tree/extra",
    "metadata mode",
    "replace changed",
  ];
  assertEquals(listed(result).filter((line) => !/ (\.)$/.test(line)), expected);
  assertUntouched(before, await dir.snapshot(), "the trees");
});

Deno.test("check: only --checksum sees content of equal size and time", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "12345", "dst/a": "12x45" });
  for (const name of ["src/a", "dst/a", "src", "dst"]) await dir.setTime(name, 1_000_000_000);
  assertExit(await blit(["check", dir.at("src/"), dir.at("dst")]), 0);
  const result = await blitJson(["check", "--checksum", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertEquals(listed(result), ["replace a"]);
});

Deno.test("check: --one-way does not mind what only the destination has", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  await dir.write({ "dst/extra": "E" });
  await dir.setTime("src", 1_000_000_000);
  await dir.setTime("dst", 1_000_000_000);
  assertExit(await blit(["check", dir.at("src/"), dir.at("dst")]), 2);
  assertExit(await blit(["check", "--one-way", dir.at("src/"), dir.at("dst")]), 0);
  await Deno.remove(dir.at("dst/a"));
  await dir.setTime("dst", 1_000_000_000);
  assertExit(await blit(["check", "--one-way", dir.at("src/"), dir.at("dst")]), 2);
});

Deno.test("check: two single files", async () => {
  await using dir = await testDirectory();
  await dir.write({ "a": "same", "b": "same", "c": "differs" });
  for (const name of ["a", "b", "c"]) await dir.setTime(name, 1_000_000_000);
  assertExit(await blit(["check", dir.at("a"), dir.at("b")]), 0);
  assertExit(await blit(["check", dir.at("a"), dir.at("c")]), 2);
});

Deno.test("check: a side that is missing is no equal tree", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  const noSource = await blit(["check", dir.at("absent/"), dir.at("src")]);
  assertExit(noSource, 1);
  assertSays(noSource, /absent/);
  const noDestination = await blit(["check", dir.at("src/"), dir.at("absent")]);
  if (noDestination.code === 0) fail(noDestination, "a missing destination passed for equal");
  assertEquals(await dir.names(), ["src", "src/a"]);
});

testNeeding(
  [linux, command("cc")],
  "check: kinds, link targets, attributes, hard links and nanoseconds count",
  async () => {
    await using dir = await testDirectory();
    const base = { a: "file a 5 1", b: "file b 5 1", link: "symlink link target", sub: "dir sub" };
    const times = Object.keys(base).map((name) => `time ${name} 1000000000 0`);
    const make = (name: string, replaced: Partial<typeof base>, more: string[]) =>
      dir.make(name, [...Object.values({ ...base, ...replaced }), ...times, ...more, "time . 1000000000 0"]);
    await make("src", {}, []);
    await make("equal", {}, []);
    assertExit(await blit(["check", dir.at("src/"), dir.at("equal")]), 0);
    const damages: [what: string, replaced: Partial<typeof base>, more: string[]][] = [
      ["kind", { a: "fifo a" }, []],
      ["link target", { link: "symlink link other0" }, []],
      ["attribute", {}, ["attribute a user.x 31"]],
      ["hard link", { b: "link b a" }, []],
      ["file time", {}, ["time a 1000000000 1"]],
      ["symlink time", {}, ["time link 1000000000 1"]],
      ["directory time", {}, ["time sub 1000000000 1"]],
      ["directory mode", {}, ["mode sub 700"]],
    ];
    for (const [what, replaced, more] of damages) {
      await make(what, replaced, more);
      const result = await blit(["check", dir.at("src/"), dir.at(what)]);
      if (result.code !== 2) fail(result, `a different ${what} passed for equal`);
    }
  },
);

testNeeding([linux, root], "check: owners count", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
  await Deno.chown(dir.at("dst/a"), 1, 1);
  assertExit(await blit(["check", dir.at("src/"), dir.at("dst")]), 2);
});
