import { assertEquals } from "@std/assert";
import { numbersTell } from "../../lib/endpoint/folded_path.ts";
import { testDirectory } from "../support/environment.ts";
import { foldingFileSystems } from "../support/folding.ts";
import { mountNew } from "../support/mounts.ts";
import { mounting, testNeeding } from "../support/needs.ts";

Deno.test("where names that differ in case are two, inode numbers tell what is what", async () => {
  await using dir = await testDirectory();
  await dir.write({ "Sub/1": "1", "sub/2": "2" });
  for (const path of [".", "Sub", "sub", "Sub/../sub"]) assertEquals(numbersTell(dir.at(path)), true, path);
});

testNeeding([mounting], "a file system without a name to try says nothing", async () => {
  await using mount = await mountNew("tmpfs", { mib: 4 });
  await Deno.mkdir(`${mount.path}/1`);
  for (const path of ["", "/1", "/missing"]) assertEquals(numbersTell(mount.path + path), undefined, path);
});

for (const [i, { name, needs, mount }] of foldingFileSystems.entries()) {
  testNeeding(needs, `${name}: whether inode numbers depend on the spelling is found out`, async () => {
    await using disk = await mount();
    await Deno.mkdir(`${disk.path}/Dir/1`, { recursive: true });
    // lowntfs-3g has the disk's own numbers, exfat-fuse makes them up for each name.
    for (const path of ["", "/Dir", "/Dir/1"]) assertEquals(numbersTell(disk.path + path), i === 1, path);
  });
}
