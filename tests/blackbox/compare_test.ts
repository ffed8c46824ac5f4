/** What counts as unchanged: the default rule and the options that replace it. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson } from "../support/program.ts";

/** src and dst hold files that differ in one respect each; times are whole seconds unless named otherwise. */
async function pairs() {
  const dir = await testDirectory();
  await dir.write({
    ...{ "src/equal": "12345", "dst/equal": "12345", "src/content": "12345", "dst/content": "54321" },
    ...{ "src/time": "12345", "dst/time": "12345", "src/both": "12345", "dst/both": "54321" },
    ...{ "src/size": "12345", "dst/size": "1", "src/new": "12345" },
  });
  for (const name of ["equal", "content", "time", "both", "size", "new"]) {
    await dir.setTime(`src/${name}`, 1_000_000_000);
  }
  for (const name of ["equal", "content"]) await dir.setTime(`dst/${name}`, 1_000_000_000);
  // Newer and older: direction plays no part.
  await dir.setTime("dst/time", 1_100_000_000);
  await dir.setTime("dst/both", 900_000_000);
  await dir.setTime("dst/size", 1_000_000_000);
  return dir;
}

const CASES: [options: string[], written: string[], contentWritten: number][] = [
  [[], ["both", "new", "size", "time"], 4],
  [["--size-only"], ["new", "size"], 2],
  [["--ignore-times"], ["both", "content", "equal", "new", "size", "time"], 6],
  [["--ignore-existing"], ["new"], 1],
];

for (const [options, written, contentWritten] of CASES) {
  Deno.test(`files written with ${options.join(" ") || "the default rule"}`, async () => {
    await using dir = await pairs();
    const before = await dir.snapshot("dst");
    const result = await blitJson(["copy", ...options, dir.at("src/"), dir.at("dst")]);
    assertExit(result, 0);
    const after = await dir.snapshot("dst");
    const names = [...after.keys()].filter((name) => name !== "." && before.get(name)?.inode !== after.get(name)?.inode)
      .sort();
    // Equal content may be kept with its new time, or written again.
    assertEquals(names.filter((name) => name !== "time"), written.filter((name) => name !== "time"));
    for (const name of written) assertEquals(await dir.read(`dst/${name}`), "12345", name);
    assertSummary(result, { files_total: 6, files_unchanged: 6 - result.summary.files_copied });
    assertEquals(result.summary.files_copied - result.summary.files_metadata_only, contentWritten);
  });
}

Deno.test("--checksum writes what differs in content and only dates what is equal", async () => {
  await using dir = await pairs();
  const before = await dir.snapshot("dst");
  const result = await blitJson(["copy", "--checksum", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  const after = await dir.snapshot("dst");
  for (const name of ["both", "content", "new", "size", "equal", "time"]) {
    assertEquals(await dir.read(`dst/${name}`), "12345", name);
  }
  assertEquals(after.get("time")?.inode, before.get("time")?.inode);
  assertEquals(after.get("equal")?.inode, before.get("equal")?.inode);
  assertNotEquals(after.get("content")?.inode, before.get("content")?.inode);
  assertEquals(after.get("time")?.mtimeNs, 1_000_000_000_000_000_000n);
  assertSummary(result, { bytes_copied: 20, files_failed: 0 });
});

Deno.test("--size-only leaves content of equal size alone", async () => {
  await using dir = await pairs();
  assertExit(await blit(["copy", "--size-only", dir.at("src/"), dir.at("dst")]), 0);
  assertEquals([await dir.read("dst/content"), await dir.read("dst/both"), await dir.read("dst/size")], [
    "54321",
    "54321",
    "12345",
  ]);
});

Deno.test("--ignore-existing leaves whatever exists alone, metadata and other kinds included", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a": "new content",
    "src/kind": "file",
    "src/d/new": "N",
    "dst/a": "old",
    "dst/kind/x": "X",
    "dst/d/present": "P",
  });
  await Deno.chmod(dir.at("src/a"), 0o640);
  const before = await dir.snapshot("dst");
  await blit(["copy", "--ignore-existing", dir.at("src/"), dir.at("dst")]);
  const after = await dir.snapshot("dst");
  for (const name of ["a", "kind/x", "d/present"]) assertEquals(after.get(name), before.get(name));
  assertEquals(await dir.read("dst/d/new"), "N");
});

testNeeding([linux, command("cc")], "one nanosecond makes a file changed", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file a 5 1", "time a 1000000000 123456789"]);
  await dir.make("dst", ["file a 5 2", "time a 1000000000 123456788"]);
  assertSummary(await blitJson(["copy", dir.at("src/"), dir.at("dst")]), { files_copied: 1 });
  assertEquals((await dir.snapshot("dst")).get("a")?.hash, (await dir.snapshot("src")).get("a")?.hash);
});

testNeeding([linux, command("cc")], "--checksum compares large and sparse files too", async () => {
  await using dir = await testDirectory();
  const time = "time f 1000000000 0";
  await dir.make("src", ["file f 20000000 1", "file g 30000000 1 29000000:1000", time, "time g 1000000000 0"]);
  await dir.make("dst", ["file f 20000000 1", "file g 30000000 1 29000000:1000", time, "time g 1000000000 0"]);
  const equal = await blitJson(["copy", "--checksum", dir.at("src/"), dir.at("dst")]);
  assertSummary(equal, { files_copied: 0, files_unchanged: 2 });
  for (const name of ["f", "g"]) {
    const file = await Deno.open(dir.at(`dst/${name}`), { read: true, write: true });
    await file.seek(19_999_999, Deno.SeekMode.Start);
    await file.write(new Uint8Array([1]));
    file.close();
    await dir.setTime(`dst/${name}`, 1_000_000_000);
  }
  assertSummary(await blitJson(["copy", dir.at("src/"), dir.at("dst")]), { files_copied: 0 });
  assertSummary(await blitJson(["copy", "--checksum", dir.at("src/"), dir.at("dst")]), { files_copied: 2 });
  assertExit(await blit(["check", "--checksum", dir.at("src/"), dir.at("dst")]), 0);
});
