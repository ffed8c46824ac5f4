/** docs/blit.service: hardened, and enough for a daemon that serves. */

import { assert, assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { command, linux, root, testNeeding } from "../support/needs.ts";
import { blit, UNPRIVILEGED_ID } from "../support/program.ts";

const unit = new URL("../../docs/blit.service", import.meta.url).pathname;

testNeeding([linux, command("systemd-analyze")], "systemd sees little that the unit exposes", async () => {
  const { stdout } = await new Deno.Command("systemd-analyze", { args: ["security", "--offline=true", unit] }).output();
  const text = new TextDecoder().decode(stdout);
  const level = /Overall exposure level for blit\.service: ([0-9.]+)/.exec(text)?.[1];
  assert(Number(level) < 3, text);
});

testNeeding(
  [linux, root, command("setpriv")],
  "with the unit's capabilities a daemon keeps owners, modes and times",
  async () => {
    const text = await Deno.readTextFile(unit);
    const kept = /^CapabilityBoundingSet=(.+)$/m.exec(text)![1].split(" ").map((name) =>
      name.replace("CAP_", "+").toLowerCase()
    );
    await using dir = await testDirectory();
    await dir.write({ "src/file": "1", "src/sub/other": "2", to: null });
    for (const name of ["src/file", "src/sub", "src/sub/other"]) {
      await Deno.chmod(dir.at(name), 0o700);
      await Deno.chown(dir.at(name), UNPRIVILEGED_ID, 7);
      await dir.setTime(name, 1000);
    }
    const wrapper = ["setpriv", "--no-new-privs", "--bounding-set", ["-all", ...kept].join(",")];
    await using daemon = await startDaemon(dir, { root: "to", wrapper });
    for (const _ of ["new", "again"]) {
      assertExit(
        await blit(["mirror", dir.at("src/"), daemon.place("default/"), "--yes"]),
        0,
      );
    }
    assertExit(await blit(["check", dir.at("src/"), daemon.place("default/")]), 0);
    const { uid, gid, mode, mtime } = await Deno.stat(dir.at("to/sub/other"));
    assertEquals([uid, gid, mode! & 0o7777, mtime!.getTime()], [UNPRIVILEGED_ID, 7, 0o700, 1_000_000]);
    assertExit(await blit(["rm", "--yes", daemon.place("default/sub")]), 0);
    assertEquals(await dir.names("to"), ["file"]);
  },
);
