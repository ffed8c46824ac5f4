/** What a file system makes of other metadata is not copied beside it; access control lists come and go whole. */

import { assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary, assertUntouched } from "../support/expect.ts";
import { type FileSystemKind, mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, root, testNeeding } from "../support/needs.ts";
import { blitJson } from "../support/program.ts";

const pairs: readonly (readonly [from: FileSystemKind, to: FileSystemKind])[] = [
  ["xfs", "xfs"],
  ["xfs", "ext4"],
  ["ext4", "xfs"],
  ["xfs", "btrfs"],
  ["btrfs", "tmpfs"],
  ["tmpfs", "xfs"],
];
const needs = [linux, root, command("setfacl"), command("setfattr")];

async function shell(script: string, cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", { args: ["-ec", script], cwd }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd();
}

/** The lists of all entries, with the modes that the masks show as. */
function lists(path: string): Promise<string> {
  return shell("find . | sort | xargs getfacl -n; find . -printf '%p %m\\n' | sort", path);
}

/** Each step changes the lists of the source, whose modes stay or follow as the system wills. */
const steps = [
  `setfacl -m u:5:rwx,g:6:r plain; setfacl -m u:5:r,m::rwx masked; setfacl -m u:7:rwx shared; setfacl -d -m u:5:rwx,g::r shared`,
  `chmod g-w masked; setfacl -m u:7:--- plain; setfacl -d -m o::- shared`,
  `setfacl -b plain; setfacl -b masked; setfacl -k shared`,
  `chmod 0670 plain; chmod 2770 shared; setfacl -b shared`,
];

for (const [from, to] of pairs) {
  testNeeding(
    [...needs, fileSystem(from), fileSystem(to)],
    `from ${from} to ${to} access control lists follow the source, revoked ones stay revoked, and a second run changes nothing`,
    async () => {
      await using source = await mountNew(from);
      await using target = await mountNew(to);
      await using dir = await testDirectory(source.path);
      await using copy = await testDirectory(target.path);
      await shell(
        "mkdir -p src/shared/below; cd src; echo 1 > plain; echo 2 > masked; echo 3 > shared/below/file",
        dir.path,
      );
      for (const step of steps) {
        await shell(step, dir.at("src"));
        const result = await blitJson(["mirror", dir.at("src/"), copy.at("dst"), "--yes"]);
        assertExit(result, 0);
        assertSummary(result, { notices: [] });
        assertEquals(await lists(copy.at("dst")), await lists(dir.at("src")), step);
        const before = await copy.snapshot("dst");
        const second = await blitJson(["mirror", dir.at("src/"), copy.at("dst"), "--yes"]);
        assertSummary(second, { files_copied: 0, notices: [] });
        assertUntouched(before, await copy.snapshot("dst"), "an equal copy");
      }
    },
  );
}

testNeeding(
  [...needs, fileSystem("ext4"), fileSystem("xfs")],
  "what the kernel or a file system derives stays where it is, and is no difference",
  async () => {
    await using source = await mountNew("ext4");
    await using target = await mountNew("xfs");
    await using dir = await testDirectory(source.path);
    await using copy = await testDirectory(target.path);
    const acl = "0x0000000500000001ffffffff00060000000000020000000500070000";
    await shell(
      `mkdir src; cd src; echo 1 > a
       setfattr -n trusted.SGI_ACL_FILE -v ${acl} a; setfattr -n trusted.SGI_DMI_REGION -v x a
       setfattr -n trusted.SGI_ACL -v mine a; setfattr -n trusted.mine -v y a; setfattr -n user.SGI_ACL_FILE -v z a`,
      dir.path,
    );
    assertExit(await blitJson(["copy", dir.at("src/"), copy.at("dst")]), 0);
    const names = await shell("getfattr -m - a | grep -v '^#' | sort | xargs", copy.at("dst"));
    assertEquals(names, "trusted.SGI_ACL trusted.mine user.SGI_ACL_FILE");
    assertSummary(await blitJson(["copy", dir.at("src/"), copy.at("dst")]), { files_copied: 0 });
    // What the destination has derived is not taken for an attribute that the source lost, either.
    await shell("setfacl -m u:5:r a", dir.at("src"));
    assertExit(await blitJson(["copy", dir.at("src/"), copy.at("dst")]), 0);
    assertSummary(await blitJson(["check", dir.at("src/"), copy.at("dst")]), { status: "ok" });
  },
);
