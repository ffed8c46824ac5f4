/** --one-file-system between machines: the side that has the mount point leaves it out, and both sides keep what is behind it. */

import { assert, assertEquals } from "@std/assert";
import { assertExit, assertSummary } from "../support/expect.ts";
import { mountBind, mountNew } from "../support/mounts.ts";
import { linux, mounting, testNeeding } from "../support/needs.ts";
import { Scene, ways } from "./ways.ts";

for (const way of ways) {
  testNeeding(
    [linux, mounting],
    `${way.name} with -x: mount points become empty, and nothing behind one is deleted`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await dir.write({
        "src/d/mnt": null,
        "src/d/b": "B",
        "dst/d/mnt/old": "O",
        "dst/extra/mnt": null,
        "dst/gone": "G",
      });
      await using _source = await mountNew("tmpfs", { mib: 4, at: dir.at("src/d/mnt") });
      await using _extra = await mountNew("tmpfs", { mib: 4, at: dir.at("dst/extra/mnt") });
      await dir.write({ "src/d/mnt/inside": "I", "dst/extra/mnt/kept": "K" });
      const mirrored = await scene.run("mirror", "src/", "dst", "--yes", "-x");
      assertExit(mirrored, 0);
      assert(mirrored.summary.notices.some((notice: string) => notice.includes("left a mount point alone")));
      assertEquals(await dir.names("dst"), ["d", "d/b", "d/mnt", "d/mnt/old", "extra", "extra/mnt", "extra/mnt/kept"]);
      assertExit(await scene.run("check", "src/", "dst", "-x"), 0);
      const moved = await scene.run("move", "src", "new/", "-x");
      assertExit(moved, 0);
      assertSummary(moved, { files_copied: 1, files_failed: 0 });
      assertEquals(await dir.names("new"), ["src", "src/d", "src/d/b", "src/d/mnt"]);
      assertEquals(await dir.names("src"), ["d", "d/mnt", "d/mnt/inside"]);
    },
  );

  testNeeding([linux, mounting], `${way.name}: a file system of the kernel inside the source is remarked`, async () => {
    await using scene = await Scene.open(way);
    await scene.dir.write({ "src/proc": null, "src/a": "A" });
    await using _proc = await mountBind("/proc", { at: scene.dir.at("src/proc") });
    const result = await scene.run("copy", "src/", "dst", "--exclude", "proc/*");
    assertExit(result, 0);
    assertEquals(result.summary.notices.filter((notice: string) => notice.includes("the kernel's state")).length, 1);
  });
}
