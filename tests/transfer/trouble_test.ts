/** When something goes wrong between two machines: old or new and whole on every file, one clear line, an honest exit code. */

import { assertEquals, assertMatch } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson, pause, startBlit, until } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

/** Writes a file of that many megabytes. */
async function fill(path: string, megabytes: number): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true });
  const piece = new Uint8Array(1 << 20);
  for (let i = 0; i < megabytes; i++) {
    piece.fill(i);
    await file.write(piece);
  }
  file.close();
}

testNeeding(
  [linux, command("rsync")],
  "a daemon that is killed and started again gets the rest, once it is back",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/small": "x", "mod": null });
    await fill(dir.at("src/large"), 60);
    let daemon = await startDaemon(dir, { root: "mod" });
    const { port } = daemon;
    const copying = await startBlit([
      ...[
        "copy",
        dir.at("src/"),
        `127.0.0.1:${port}:/default/dst`,
        "--bwlimit",
        "40M",
        "--wait",
        "300ms",
        "--retry",
        "20",
      ],
      "--json",
    ]);
    await until(async () => await dir.exists("mod/dst/small"), "the first file");
    daemon.program.kill("SIGKILL");
    await daemon.program.result;
    daemon = await startDaemon(dir, { root: "mod", args: ["--port", String(port)] });
    const result = await copying.result;
    await daemon[Symbol.asyncDispose]();
    assertExit(result, 0);
    const summary = JSON.parse(result.stdout);
    assertMatch(summary.notices[0], /trying again in 0\.3 s \(1 of 20\)$/);
    assertEquals(summary.files_unchanged, 1);
    await assertFaithful(dir.at("src"), dir.at("mod/dst"));
  },
);

for (const way of directions) {
  testNeeding([linux], `${way.name}: --null is refused, and nothing is written`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "src/a": "new", "dst/a": "precious" });
    const result = await blit(["copy", "--null", scene.source("src/"), scene.destination("dst")]);
    assertExit(result, 64);
    assertEquals(
      result.stderr,
      "blit: --null reads local sources only, and writes nowhere. Leave other machines out.\n",
    );
    assertEquals(await dir.read("dst/a"), "precious");
  });
}

testNeeding([linux], "a daemon that stays away is one clear line", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "x" });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const result = await blit(["copy", dir.at("src/"), `127.0.0.1:${port}:/default/dst`, "--retry", "0"]);
  assertExit(result, 1);
  assertEquals(result.stderr.trim().split("\n").length, 1);
  assertMatch(result.stderr, /Cannot reach a daemon at 127\.0\.0\.1:\d+: connection refused/);
});

for (const way of directions.slice(0, 2)) {
  testNeeding(
    [linux],
    `${way.name}: a client that is killed leaves nothing half done, and the daemon nothing open`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir, daemon } = scene;
      await dir.write({ "src/a": "x" });
      assertExit(await scene.run("copy", "src/", "warm"), 0);
      const before = daemon.descriptors();
      await fill(dir.at("src/large"), 40);
      for (const signal of ["SIGKILL", "SIGINT"] as const) {
        const copying = await startBlit(["copy", scene.source("src/"), scene.destination("dst"), "--bwlimit", "20M"]);
        await until(async () => await dir.exists("dst/a"), "the first file");
        await pause(100);
        copying.kill(signal);
        const { code } = await copying.result;
        if (signal === "SIGINT") assertEquals(code, 130);
        await until(() => daemon.descriptors() <= before, "the daemon's descriptors to be closed");
        assertEquals(await dir.exists("dst/large"), false);
      }
      const rest = await scene.run("copy", "src/", "dst");
      assertExit(rest, 0);
      assertEquals(await dir.read("dst/a"), "x");
      assertEquals((await Deno.stat(dir.at("dst/large"))).size, 40 << 20);
      assertEquals(temporaryNames(await dir.snapshot("dst")), []);
    },
  );
}

for (const way of directions) {
  testNeeding([linux], `${way.name}: a source that cannot be read fails alone, and nothing is deleted`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.write({ "src/a": "x", "src/gone": "y", "dst/extra": "z" });
    // A file list that names what is not there is an error of the source.
    await dir.write({ "list": "a\nmissing\n" });
    const result = await scene.run("copy", "src/", "dst", "--files-from", dir.at("list"));
    assertExit(result, 2);
    assertEquals(await dir.names("dst"), ["a", "extra"]);
  });
}

testNeeding(
  [linux],
  "where no data port can be reached the copy goes on inside the control channel, with one warning",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "x", "mod": null });
    await fill(dir.at("src/large"), 20);
    // A relay in front of the daemon lets only the control port through: the data port of the relay's address is nobody's.
    const config = `bind = "127.0.0.1"\n[[modules]]\nname = "default"\npath = "$DIR/mod"\n`;
    await using daemon = await startDaemon(dir, { config, bind: "127.0.0.1" });
    const relay = Deno.listen({ hostname: "127.0.0.2", port: 0 });
    const piping = (async () => {
      for await (const near of relay) {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
        near.readable.pipeTo(far.writable).catch(() => {});
        far.readable.pipeTo(near.writable).catch(() => {});
      }
    })().catch(() => {});
    const result = await blitJson(["copy", dir.at("src/"), `127.0.0.2:${relay.addr.port}:/default/dst`]);
    relay.close();
    await piping;
    assertExit(result, 0);
    assertSummary(result, { tcp_fallback_used: true, lanes: 2 });
    assertEquals(result.summary.notices.length, 1);
    assertMatch(result.summary.notices[0], /^no data port of the daemon could be reached/);
    assertEquals((await Deno.stat(dir.at("mod/dst/large"))).size, 20 << 20);
  },
);

for (const way of ["pushed", "pulled"]) {
  testNeeding(
    [linux],
    `${way}: where something else listens at the data port the copy is done inside the control channel`,
    async () => {
      await using dir = await testDirectory();
      await dir.write({ "src/a": "x", "mod/src/a": "x" });
      const config = `bind = "127.0.0.1"\n[[modules]]\nname = "default"\npath = "$DIR/mod"\n`;
      await using daemon = await startDaemon(dir, { config, bind: "127.0.0.1" });
      const { data_port: dataPort } = await daemon.event("ready");
      const [relay, silent] = [0, Number(dataPort)].map((port) => Deno.listen({ hostname: "127.0.0.2", port }));
      const taken: Deno.Conn[] = [];
      const serving = Promise.all([
        (async () => {
          for await (const near of relay) {
            const far = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
            near.readable.pipeTo(far.writable).catch(() => {});
            far.readable.pipeTo(near.writable).catch(() => {});
          }
        })(),
        (async () => {
          for await (const connection of silent) taken.push(connection);
        })(),
      ]).catch(() => {});
      const there = `127.0.0.2:${relay.addr.port}:/default`;
      const [from, to] = way === "pushed" ? [dir.at("src/"), `${there}/dst`] : [`${there}/src/`, dir.at("mod/dst")];
      const result = await blitJson(["copy", from, to, "--stall-timeout", "2", "--wait", "100ms"]);
      relay.close();
      silent.close();
      for (const connection of taken) connection.close();
      await serving;
      assertExit(result, 0);
      assertSummary(result, { tcp_fallback_used: true });
      assertMatch(
        result.summary.notices[0],
        /nothing came through a connection for content\); trying again inside the control channel, which is slower, in 0\.1 s \(1 of/,
      );
      assertEquals(await dir.read("mod/dst/a"), "x");
    },
  );
}

testNeeding([linux], "jobs are listed while they run, can be followed and stopped", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "x", "mod": null });
  await fill(dir.at("src/large"), 40);
  await using daemon = await startDaemon(dir, { root: "mod" });
  const copying = await startBlit(["copy", dir.at("src/"), daemon.place("default/dst"), "--bwlimit", "1M"]);
  await until(async () => await dir.exists("mod/dst/a"), "the first file");
  const listed = await blitJson(["jobs", "list", daemon.host]);
  assertEquals(listed.summary.jobs.map(({ status, verb, place }: Record<string, string>) => [status, verb, place]), [
    ["running", "copy", "default/dst"],
  ]);
  const following = await startBlit(["jobs", "watch", daemon.host, "1"]);
  assertExit(await blit(["jobs", "cancel", daemon.host, "1"]), 0);
  assertEquals((await copying.result).code, 1);
  assertEquals((await following.result).code, 1);
  assertExit(await blit(["jobs", "cancel", daemon.host, "1"]), 1);
  assertExit(await blit(["jobs", "watch", daemon.host, "77"]), 1);
});

testNeeding([linux], "a detached job between daemons goes on without its client", async () => {
  await using scene = await Scene.open(directions[2]);
  const { dir, daemon } = scene;
  await dir.write({ "src/a": "x" });
  const result = await blit(["copy", scene.source("src/"), scene.destination("dst"), "--detach"]);
  assertExit(result, 0);
  assertEquals(result.stdout, "");
  assertSays(result, new RegExp(`follow it with \`blit jobs watch ${daemon.host} 1\``));
  assertExit(await blit(["jobs", "watch", daemon.host, "1"]), 0);
  assertEquals(await dir.read("dst/a"), "x");
});

testNeeding([linux], "a daemon fetches only from where its configuration allows it", async () => {
  await using dir = await testDirectory();
  await dir.write({ "mod/src/a": "x" });
  await using daemon = await startDaemon(dir, { root: "mod" });
  const result = await blit(["copy", daemon.place("default/src/"), daemon.place("default/dst")]);
  assertExit(result, 1);
  assertSays(result, /This daemon does not fetch from "127\.0\.0\.1" \("allow_daemons" in its configuration\)/);
  assertEquals(await dir.names("mod"), ["src", "src/a"]);
});
