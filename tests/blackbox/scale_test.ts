/** Large directories: everything arrives, and memory stays within its bound. */

import { assert, assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { launchProgram } from "../support/fixture.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blitJson } from "../support/program.ts";

const LIMIT_MIB = 150;

testNeeding(
  [linux, command("cc")],
  "100,000 entries in one directory: copied, compared, deleted, in at most 150 MiB of memory",
  async () => {
    await using dir = await testDirectory();
    await dir.make(
      "src",
      Array.from({ length: 100_000 }, (_, i) => `file entry-number-${i} ${i % 50 === 0 ? 2000 : 0} ${i}`),
    );
    await dir.write({ "empty": null });
    const measured = async (...args: string[]) => {
      const wrapper = [await launchProgram(), "maxrss", dir.at("rss")];
      const result = await blitJson(args, { wrapper, unmeasured: true });
      assertExit(result, 0);
      const mib = Number(await dir.read("rss")) / 1024;
      assert(mib <= LIMIT_MIB, `${args[0]}: ${mib.toFixed(0)} MiB resident`);
      return result;
    };
    assertSummary(await measured("copy", dir.at("src/"), dir.at("dst")), {
      files_copied: 100_000,
      bytes_copied: 4_000_000,
    });
    await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
    assertSummary(await measured("copy", dir.at("src/"), dir.at("dst")), { files_copied: 0, files_unchanged: 100_000 });
    assertSummary(await measured("mirror", "--yes", dir.at("empty/"), dir.at("dst")), { files_deleted: 100_000 });
    assertEquals(await dir.names("dst"), []);
  },
);
