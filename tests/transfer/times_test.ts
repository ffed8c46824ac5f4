/** Times, and permissions, that a destination cannot hold: said once, and no difference for any later run. */

import { assert, assertEquals } from "@std/assert";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary, assertUntouched } from "../support/expect.ts";
import { type Mount, mountBy, mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, mounting, type Need, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult } from "../support/program.ts";
import { directions, type Way } from "./ways.ts";

/** A FUSE file system that has a device lets the loop device go when it is unmounted. */
function fuse(make: string, mount: string): Promise<Mount> {
  return mountBy(
    `truncate -s 100M "$base/image" && ${make} "$base/image" >/dev/null 2>&1 &&
     loop=$(losetup -f --show "$base/image") && { ${mount} "$loop" "$point" >/dev/null 2>&1; mounted=$?; losetup -d "$loop"; [ $mounted = 0 ]; }`,
  );
}

const times = "the destination cannot keep the modification times of some entries exactly";
const modes = "the destination cannot keep the permissions of some entries";

interface Coarse {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly mount: () => Promise<Mount>;
  readonly notices: readonly string[];
}

const coarse: readonly Coarse[] = [
  {
    name: "exFAT by FUSE",
    needs: [mounting, command("mkfs.exfat"), command("mount.exfat-fuse")],
    mount: () => fuse("mkfs.exfat", "mount.exfat-fuse"),
    notices: [modes, times],
  },
  {
    name: "NTFS by FUSE",
    needs: [mounting, command("mkfs.ntfs"), command("ntfs-3g")],
    mount: () => fuse("mkfs.ntfs -Q -F", "ntfs-3g"),
    notices: [modes, times],
  },
  {
    name: "ext4 with small inodes",
    needs: [fileSystem("ext4")],
    mount: () => mountNew("ext4", { make: "-I 128" }),
    notices: [times],
  },
  {
    name: "xfs with small times",
    needs: [fileSystem("xfs")],
    mount: () =>
      mountBy(
        `truncate -s 320M "$base/image" && mkfs.xfs -q -m bigtime=0 "$base/image" && mount -o loop "$base/image" "$point"`,
      ),
    notices: [times],
  },
];

/** Of the last century and of the next, in nanoseconds and in even seconds. */
const moments = [
  "1955-11-05 06:15:00.5",
  "1970-01-01 00:00:00",
  "1999-12-31 23:59:59.123456789",
  "2024-02-29 12:00:01.9999999",
]
  .concat(["2040-06-01 00:00:00.25", "2120-01-01 00:00:01", "2600-01-01 00:00:00"]);

async function makeSource(dir: TestDirectory): Promise<void> {
  await dir.write({ "src": null });
  for (const [i, moment] of moments.entries()) {
    await dir.write({ [`src/d${i}/f${i}`]: `content ${i}` });
    await touch(dir.at(`src/d${i}/f${i}`), moment);
    await touch(dir.at(`src/d${i}`), moment);
  }
  await Deno.chmod(dir.at("src/d1/f1"), 0o640);
}

async function touch(path: string, moment: string): Promise<void> {
  const { success } = await new Deno.Command("touch", { args: ["-d", `${moment} UTC`, path] }).output();
  assert(success, `touch -d ${moment}`);
}

function runs(way: Way | undefined, daemon: TestDaemon | undefined, dir: TestDirectory, target: TestDirectory) {
  const source = way?.remote === "source" || way?.remote === "both" ? daemon!.place("from/src/") : dir.at("src/");
  const destination = way?.remote === "destination" || way?.remote === "both"
    ? daemon!.place("to/dst")
    : target.at("dst");
  return (verb: string, ...options: string[]): Promise<JsonResult> => blitJson([verb, source, destination, ...options]);
}

for (const { name, needs, mount, notices } of coarse) {
  for (const way of [undefined, ...directions]) {
    testNeeding(
      [linux, ...needs],
      `${name}, ${
        way?.name ?? "locally"
      }: a second mirror copies nothing but other content, and a check finds no other difference`,
      async () => {
        await using mounted = await mount();
        await using dir = await testDirectory();
        await using target = await testDirectory(mounted.path);
        await makeSource(dir);
        const module = (name: string, path: string) => `[[modules]]\nname = "${name}"\npath = "${path}"\n`;
        const config = `allow_daemons = ["127.0.0.1"]\n${module("from", dir.path)}${module("to", target.path)}`;
        const daemon = way && await startDaemon(dir, { config });
        try {
          const run = runs(way, daemon, dir, target);
          const first = await run("mirror", "--yes");
          assertExit(first, 0);
          assertEquals([...first.summary.notices].sort(), [...notices].sort());
          for (const i of moments.keys()) assertEquals(await target.read(`dst/d${i}/f${i}`), `content ${i}`);
          const before = await target.snapshot("dst");
          const second = await run("mirror", "--yes");
          assertExit(second, 0);
          assertSummary(second, { files_copied: 0, notices: [] });
          assertUntouched(before, await target.snapshot("dst"), "an equal copy");
          assertSummary(await run("mirror", "--dry-run"), { files_copied: 0 });
          const checked = await run("check");
          assertExit(checked, 0);
          await touch(dir.at("src/d2/f2"), "1999-12-31 23:59:50");
          await dir.write({ "src/d6/f6": "CONTENT 6" });
          await touch(dir.at("src/d6/f6"), "2700-01-01 00:00:00");
          assertExit(await run("check"), 2);
          assertSummary(await run("mirror", "--yes"), { files_copied: 2 });
          assertEquals(await target.read("dst/d6/f6"), "CONTENT 6");
        } finally {
          await daemon?.[Symbol.asyncDispose]();
        }
      },
    );
  }
}
