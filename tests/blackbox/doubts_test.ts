/** A destination that is probably not where it was meant to be gets a line, and the job goes on. */

import { assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSaysOnce } from "../support/expect.ts";
import { command, linux, mounting, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";

Deno.test("directories that are missing two levels above the destination are remarked once, and made", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: "." });
  await dir.write({ "src/a": "A" });
  const remark = /^blit: neither ".*" nor two directories above it exist; all are new/;
  for (const at of [(name: string) => dir.at(name), (name: string) => daemon.place(`default/${name}`)]) {
    for (const source of [dir.at("src/"), daemon.place("default/src/")]) {
      await Deno.remove(dir.at("typo"), { recursive: true }).catch(() => {});
      const deep = at("typo/b/c");
      if (source.startsWith("127") && deep.startsWith("127")) continue; // the daemon may fetch from nobody
      assertSaysOnce(await blit(["copy", "--dry-run", source, deep]), remark);
      assertEquals((await blit(["copy", "--quiet", "--dry-run", source, deep])).stderr, "");
      const result = await blit(["copy", source, deep]);
      assertExit(result, 0);
      assertSaysOnce(result, remark);
      assertEquals(await dir.read("typo/b/c/a"), "A");
      assertEquals((await blit(["copy", source, at("typo/b/d/e")])).stderr, "");
      assertEquals((await blit(["copy", source, deep])).stderr, "");
    }
  }
});

/** Runs what follows with another /etc/fstab. */
async function withFstab(dir: TestDirectory): Promise<string[]> {
  await dir.write({ "fstab": `/dev/none ${dir.path}/usb ext4 noauto 0 0\n` });
  return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/fstab && exec "$@"', dir.at("fstab")];
}

testNeeding(
  [linux, mounting, command("unshare")],
  "a destination below a mount point of fstab where nothing is mounted is remarked, here and at a daemon",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "A", "usb/old": "O" });
    const wrapper = await withFstab(dir);
    await using daemon = await startDaemon(dir, { root: ".", wrapper });
    const remark = /^blit: ".*\/usb" is a mount point of \/etc\/fstab, and nothing is mounted there$/;
    const pairs = [
      [dir.at("src/"), dir.at("usb/new")],
      [dir.at("src/"), daemon.place("default/usb/pushed")],
      [daemon.place("default/src/"), dir.at("usb/pulled")],
    ];
    for (const [source, destination] of pairs) {
      const result = await blit(["copy", source, destination], { wrapper });
      assertExit(result, 0);
      assertSaysOnce(result, remark);
      assertEquals((await blit(["check", source, destination], { wrapper })).stderr, "");
    }
    assertEquals((await blit(["copy", dir.at("src/"), dir.at("elsewhere")], { wrapper })).stderr, "");
  },
);
