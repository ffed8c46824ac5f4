/** Connections that carry content break off again and again: what arrives is whole all the same, and the transfer comes to an end. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { startCuttingProxy } from "../support/cutting_proxy.ts";
import { startDaemon } from "../support/daemon.ts";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blitJson } from "../support/program.ts";

const needs = [linux, command("rsync")];
const MIB = 1 << 20;
const rounds = 4;

for (const direction of ["pushed", "pulled"]) {
  for (const options of [["--bwlimit", "60M"], ["--resume"]]) {
    const name = `${direction} with ${options[0]}: a tree arrives whole, whatever breaks off when`;
    testNeeding(needs, name, async () => {
      await using dir = await testDirectory();
      const files = Array.from({ length: 200 }, (_, i) => `file small${i} ${i * 500} ${i}`);
      await dir.make("mod/src", [...files, "file large 25000000 900", "file larger 40000000 901"]);
      await using daemon = await startDaemon(dir, { root: "mod" });
      const { data_port } = await daemon.event("ready");
      using proxy = startCuttingProxy(daemon.port, Number(data_port));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(12 * MIB), { minLength: 4, maxLength: 16 }), fc.uuid(), async (cuts, to) => {
          proxy.cut(cuts);
          const remote = (path: string) => `127.0.0.2:${daemon.port}:/default/${path}`;
          const words = direction === "pushed"
            ? [`${dir.at("mod/src")}/`, remote(to)]
            : [remote("src/"), dir.at(`mod/${to}`)];
          const result = await blitJson(["copy", ...words, ...options]);
          assertExit(result, 0);
          assert(proxy.cuts > 0);
          await assertFaithful(dir.at("mod/src"), dir.at(`mod/${to}`));
          assertEquals(temporaryNames(await dir.snapshot(`mod/${to}`)), []);
          await Deno.remove(dir.at(`mod/${to}`), { recursive: true });
        }),
        { numRuns: rounds, endOnFailure: true },
      );
    });
  }
}
