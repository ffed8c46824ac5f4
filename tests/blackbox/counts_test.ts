/** What the summary counts, the exit code and what is on disk agree, also where a destination or a source does only half of it. */

import { assert, assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { mountBind, mountNew, remount } from "../support/mounts.ts";
import { fileSystem, linux, mounting, testNeeding } from "../support/needs.ts";
import { blitJson } from "../support/program.ts";
import { snapshot } from "../support/snapshot.ts";

testNeeding(
  [linux, fileSystem("tmpfs")],
  "a mirror onto a nearly full disk counts what is there, and a rerun completes it",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("tmpfs", { mib: 4 });
    const d = `${mount.path}/d`;
    const names = Array.from({ length: 30 }, (_, i) => `f${i}`);
    await dir.make("s", names.map((name, i) => `file ${name} 100000 ${i}`));
    await Deno.mkdir(`${d}/extra`, { recursive: true });
    for (let i = 0; i < 20; i++) await Deno.writeFile(`${d}/extra/e${i}`, new Uint8Array(100_000));
    const result = await blitJson(["mirror", dir.at("s/"), d, "--yes"]);
    assertExit(result, 1);
    const { files_total, files_copied, files_failed, files_not_tried } = result.summary;
    assertEquals([files_total, files_copied + files_failed + files_not_tried], [30, 30]);
    assertSummary(result, { files_deleted: 0, directories_deleted: 0 });
    assert(files_copied > 0 && files_not_tried > 0, JSON.stringify(result.summary));
    assertEquals([...(await snapshot(d)).keys()].filter((path) => path.startsWith("f")).length, files_copied);
    await remount(mount, "size=16m");
    const again = await blitJson(["mirror", dir.at("s/"), d, "--yes"]);
    assertExit(again, 0);
    const rest = {
      files_copied: 30 - files_copied,
      files_unchanged: files_copied,
      files_deleted: 20,
      directories_deleted: 1,
    };
    assertSummary(again, rest);
    assertEquals((await snapshot(d)).size, 31);
  },
);

testNeeding([linux, mounting], "names of one file that cannot be removed are failures, and no removals", async () => {
  await using dir = await testDirectory();
  await dir.write({ "s/a": "content", "s/alone": "x", "d": null });
  await Deno.link(dir.at("s/a"), dir.at("s/b"));
  await using source = await mountBind(dir.at("s"), { readOnly: true });
  const result = await blitJson(["move", `${source.path}/`, dir.at("d")]);
  assertExit(result, 2);
  assertSummary(result, { files_total: 3, files_removed: 0, files_failed: 3 });
  assertEquals([await dir.names("s"), await dir.names("d")], [["a", "alone", "b"], ["a", "alone", "b"]]);
  const [a, b] = await Promise.all(["a", "b"].map((name) => Deno.stat(dir.at(`d/${name}`))));
  assertEquals(a.ino, b.ino);
});

for (const verb of ["copy", "move"]) {
  testNeeding([linux], `${verb}: beyond the limit of names for one file a fresh copy takes the next ones`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "s/n0": "content", "s/deep/m0": "other" });
    for (let i = 1; i < 8; i++) await Deno.link(dir.at("s/n0"), dir.at(`s/n${i}`));
    const before = await dir.snapshot("s");
    const fault = { kind: "links", below: dir.at("d") };
    const result = await blitJson([verb, dir.at("s/"), dir.at("d")], { fault });
    assertExit(result, 0);
    const removed = verb === "move" ? 9 : 0;
    assertSummary(result, { files_total: 9, files_copied: 9, files_failed: 0, files_removed: removed });
    assert(result.summary.notices.some((line: string) => /cannot hold some hard links/.test(line)));
    const after = await dir.snapshot("d");
    for (const [path, entry] of before) assertEquals(after.get(path)?.hash, entry.hash, path);
    const links = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((i) => Deno.stat(dir.at(`d/n${i}`))));
    assertEquals(new Set(links.map(({ ino }) => ino)).size, 3);
    if (verb === "move") return assertEquals(await dir.names("s"), []);
    const again = await blitJson([verb, dir.at("s/"), dir.at("d")], { fault });
    assertExit(again, 0);
    assertSummary(again, { files_total: 9, files_failed: 0, bytes_copied: 0 });
  });
}
