/** A destination on another machine that is too small. */

import { assert, assertEquals } from "@std/assert";
import { assertExit, assertSays, assertSummary } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { fileSystem, linux, testNeeding } from "../support/needs.ts";
import { assertNothingTorn } from "../support/torn.ts";
import { Scene, ways } from "./ways.ts";

const MIB = 1 << 20;

for (const way of ways) {
  testNeeding(
    [linux, fileSystem("tmpfs")],
    `${way.name}: what plainly cannot fit is given up before the disk is full`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.write({ "src/small": "S", "dst": null });
      for (let i = 0; i < 4; i++) await dir.write({ [`src/large${i}`]: new Uint8Array(20 * MIB) });
      await using _mount = await mountNew("tmpfs", { mib: 64, at: dir.at("dst") });
      const result = await scene.run("copy", "src/", "dst");
      assertExit(result, 1);
      assertSays(result, /Cannot fit: at least 80\.0 MiB needed, .* free at the destination; --force-space/);
      const dry = await scene.run("copy", "src/", "dst/new", "--dry-run");
      assertExit(dry, 1);
      assertEquals(dry.summary.failures.map(({ code }: { code: string }) => code), ["no_room"]);
      const before = await dir.names("dst");
      assertExit(await scene.run("copy", "src/large0", "dst/", "--force-space"), 0);
      assertEquals(await dir.names("dst"), [...new Set([...before, "large0"])].sort());
    },
  );

  testNeeding(
    [linux, fileSystem("tmpfs")],
    `${way.name}: a full destination is one verdict, and old files stay whole`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.make("src", Array.from({ length: 500 }, (_, i) => `file f${i} 40000 ${i}`));
      await dir.make("old", ["file f0 100 1", "file f1 100 2", "file extra 10 3"]);
      await dir.write({ "dst": null });
      await using _mount = await mountNew("tmpfs", { mib: 8, at: dir.at("dst") });
      for (const name of ["f0", "f1", "extra"]) await Deno.copyFile(dir.at(`old/${name}`), dir.at(`dst/${name}`));
      const result = await scene.run("mirror", "src/", "dst", "--yes", "--force-space");
      assertExit(result, 1);
      assertSummary(result, { status: "failed", failures_total: 1, files_failed: 0, files_deleted: 0 });
      assert(
        /^Cannot go on: no space left at the destination;/.test(result.summary.failures[0].message),
        result.stdout,
      );
      assert(result.summary.files_copied > 50 && result.summary.files_not_tried > 50, result.stdout);
      assert(await dir.exists("dst/extra"));
      assertNothingTorn(await dir.snapshot("old"), await dir.snapshot("src"), await dir.snapshot("dst"));
    },
  );
}
