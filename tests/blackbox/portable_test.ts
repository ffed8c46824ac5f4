/** A machine without a C compiler: everything is still copied correctly, and it is said once that it is slower. */

import { assertEquals } from "@std/assert";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences, assertSaysOnce, assertUntouched } from "../support/expect.ts";
import { command, linux, type Need, root, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";
import { differences } from "../support/snapshot.ts";
import { assertNothingTorn } from "../support/torn.ts";

const notCompiled: Need = {
  missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined,
};
const needs = [linux, command("cc"), notCompiled];
const bare = { withoutShim: true };

/** What Deno's own calls can keep: content, symlinks, modes, times in whole seconds. */
async function plainTree(dir: TestDirectory, name: string, version: number): Promise<void> {
  const paths = [`only-${version}`, "empty", "a", "d", "d/e", "d/e/b", "d/large", "link"];
  await dir.make(name, [
    ...["dir d", "dir d/e", "dir empty", `file a ${5000 + version} ${version}`, "file d/e/b 0 1", "symlink link d/e"],
    ...[
      `file d/large 20000000 ${version}`,
      `file only-${version} 100 1`,
      "mode a 640",
      "mode d/e 750",
      "mode d/e/b 755",
    ],
    ...paths.map((path, i) => `time ${path} ${1_000_000_000 + i + (path === "d/e/b" ? 0 : version)} 0`).reverse(),
  ]);
}

const COMPARED = { attributes: false, space: false, rootEntry: false };

testNeeding(
  needs,
  "without the native library a tree is copied, mirrored, checked and moved, and it is said once",
  async () => {
    await using dir = await testDirectory();
    await plainTree(dir, "v1", 1);
    await plainTree(dir, "v2", 2);
    const copied = await blit(["copy", dir.at("v1/"), dir.at("dst")], bare);
    assertExit(copied, 0);
    assertSaysOnce(copied, /slower/);
    assertNoDifferences(differences(await dir.snapshot("v1"), await dir.snapshot("dst"), COMPARED), "the copy");
    assertExit(await blit(["check", "--checksum", dir.at("v1/"), dir.at("dst")], bare), 0);
    const before = await dir.snapshot("dst");
    assertExit(await blit(["copy", dir.at("v1/"), dir.at("dst")], bare), 0);
    assertUntouched(before, await dir.snapshot("dst"), "an equal copy");
    assertExit(await blit(["mirror", "--yes", dir.at("v2/"), dir.at("dst")], bare), 0);
    assertNoDifferences(differences(await dir.snapshot("v2"), await dir.snapshot("dst"), COMPARED), "the mirror");
    assertEquals(temporaryNames(await dir.snapshot("dst")), []);
    await dir.write({ "moved/present": "P" });
    assertExit(await blit(["move", dir.at("v2/"), dir.at("moved")], bare), 0);
    assertEquals(await dir.exists("v2/a"), false);
    const options = { ...COMPARED, extraAllowed: true };
    assertNoDifferences(differences(await dir.snapshot("dst"), await dir.snapshot("moved"), options), "the moved tree");
  },
);

testNeeding(
  needs,
  "without the native library names that are not UTF-8 are copied or named, never mangled",
  async () => {
    await using dir = await testDirectory();
    await dir.make("src", ["file caf%E9 10 1", "dir d%FF", "file d%FF/x 10 2", "file plain 10 3"]);
    const result = await blit(["copy", dir.at("src/"), dir.at("dst")], bare);
    assertExit(result, 0, 2);
    const names = await dir.names("dst");
    if (result.code === 0) assertEquals(names, ["caf%E9", "d%FF", "d%FF/x", "plain"]);
    else assertEquals([names, /UTF-8/.test(result.stderr)], [["plain"], true]);
  },
);

testNeeding(
  [...needs, root, command("capsh")],
  "without the native library what may not be given away is copied, too, and no program runs as its copy's owner",
  async () => {
    await using dir = await testDirectory();
    await dir.make("src", ["file program 5 1", "file other 5 2", "owner program 5 6", "mode program 4755"]);
    const wrapper = ["capsh", "--drop=cap_chown", "--", "-c", 'exec "$0" "$@"'];
    const result = await blit(["copy", dir.at("src/"), dir.at("dst")], { ...bare, wrapper });
    assertExit(result, 0);
    assertSaysOnce(result, /cannot keep the owners/);
    assertSaysOnce(result, /set-user-id/);
    const program = await Deno.stat(dir.at("dst/program"));
    assertEquals([program.uid, program.mode! & 0o7777], [0, 0o755]);
    const before = await dir.snapshot("dst");
    assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], { ...bare, wrapper }), 0);
    assertUntouched(before, await dir.snapshot("dst"), "an equal copy");
  },
);

testNeeding(needs, "without the native library a replaced file is old or new, and symlinks lead nowhere", async () => {
  await using dir = await testDirectory();
  await plainTree(dir, "v1", 1);
  await dir.write({ "outside/keep": "K", "dst/d": { to: "../outside" }, "dst/a": "old" });
  const before = await dir.snapshot("outside");
  assertExit(await blit(["copy", dir.at("v1/"), dir.at("dst")], bare), 2);
  assertUntouched(before, await dir.snapshot("outside"), "the symlink's target");
  assertNothingTorn(new Map(), await dir.snapshot("v1"), new Map([["a", (await dir.snapshot("dst")).get("a")!]]));
});

testNeeding(needs, "without the native library runs are recorded, each on a line of its own", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "config/blit/perf_local.jsonl": "{cut short" });
  const recording = { ...bare, env: { XDG_CONFIG_HOME: dir.at("config"), BLIT_DISABLE_PERF_HISTORY: "" } };
  for (const name of ["one", "two"]) assertExit(await blit(["copy", dir.at("src"), dir.at(name)], recording), 0);
  const { stdout } = await blit(["diagnostics", "perf", "--json"], recording);
  const { runs, unreadable_lines } = JSON.parse(stdout);
  assertEquals([runs.length, unreadable_lines], [2, 1]);
  await Deno.remove(dir.at("config/blit/perf_local.jsonl"));
  await dir.make("config/blit", ["fifo perf_local.jsonl"]);
  assertExit(await blit(["copy", dir.at("src"), dir.at("three")], recording), 0);
});

testNeeding(needs, "without the native library a move compares what is already there", async () => {
  await using dir = await testDirectory();
  for (const [side, content] of [["src", "AAAA"], ["dst", "BBBB"]]) {
    await dir.write({ [`${side}/other`]: content, [`${side}/equal`]: "same" });
    for (const name of ["other", "equal"]) await dir.setTime(`${side}/${name}`, 1_000_000_000);
  }
  assertExit(await blit(["move", "-n", dir.at("src/"), dir.at("dst")], bare), 0);
  assertEquals(await dir.read("dst/other"), "BBBB");
  assertExit(await blit(["move", dir.at("src/"), dir.at("dst")], bare), 0);
  assertEquals([await dir.names("src"), await dir.read("dst/other")], [[], "AAAA"]);
});
