/** A file system that is mounted where only the destination has a directory: it could not be removed, so nothing in it is. */

import { assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { mountBind, mountNew } from "../support/mounts.ts";
import { linux, mounting, type Need, testNeeding } from "../support/needs.ts";
import { blitJson, type Json } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

const bare: Need = { missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined };

const here = {
  name: "on one machine",
  open: async () => {
    const dir = await testDirectory();
    const run = (verb: string, source: string, destination: string, ...options: string[]) =>
      blitJson([verb, dir.at(source), dir.at(destination), ...options]);
    return { dir, run, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
  },
};

testNeeding([linux, mounting, bare], "the same without the native library, as far as devices tell", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/deep/disk": null });
  await using _disk = await mountNew("tmpfs", { mib: 4, at: dir.at("dst/deep/disk") });
  await dir.write({ "dst/deep/disk/kept": "K", "dst/deep/y": "Y" });
  const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"], { withoutShim: true });
  assertExit(result, 2);
  assertSummary(result, { files_deleted: 1, directories_deleted: 0, files_failed: 1 });
  assertEquals(await dir.read("dst/deep/disk/kept"), "K");
});

for (const { name, open } of [here, ...directions.map((way) => ({ name: way.name, open: () => Scene.open(way) }))]) {
  testNeeding(
    [linux, mounting],
    `${name}: a mirror does not empty what is mounted where only DST has a directory`,
    async () => {
      await using ground = await open();
      const { dir } = ground;
      await dir.write({ "src/a": "A", "dst/x": "X", "dst/bound": null, "dst/deep/disk": null, "other/precious": "P" });
      await using _disk = await mountNew("tmpfs", { mib: 4, at: dir.at("dst/deep/disk") });
      await dir.write({ "dst/deep/disk/kept": "K", "dst/deep/y": "Y" });
      await using _bind = await mountBind(dir.at("other"), { at: dir.at("dst/bound") });
      for (const options of [["-n"], []]) {
        const result = await ground.run("mirror", "src/", "dst", "--yes", ...options);
        assertExit(result, 2);
        assertSummary(result, { files_deleted: 2, directories_deleted: 0, files_failed: 2 });
        const failures = result.summary.failures.map(({ path, message }: Json) => `${path}: ${message}`).sort();
        const why = "Cannot delete: a file system is mounted there";
        assertEquals(failures, [`bound: ${why}`, `deep/disk: ${why}`]);
      }
      assertEquals(await dir.names("dst"), ["a", "bound", "bound/precious", "deep", "deep/disk", "deep/disk/kept"]);
      assertSummary(await ground.run("check", "src/", "dst"), { status: "partial", files_failed: 0 });
    },
  );
}
