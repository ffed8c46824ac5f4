/** A data port that is somebody else's, and content that makes no sense: said as it is, and no byte of it is written. */

import { assertEquals, assertMatch } from "@std/assert";
import type { TestDaemon } from "../support/daemon.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

type OnLane = (near: Deno.TcpConn, dataPort: number) => Promise<void>;

/** The daemon's control port at 127.0.0.2, and something else where its data port would be. */
async function startImpostor(daemon: TestDaemon, onLane: OnLane): Promise<Disposable> {
  const dataPort = Number((await daemon.event("ready")).data_port);
  const open: Disposable[] = [];
  const listen = (port: number, take: (near: Deno.TcpConn) => Promise<void>) => {
    const listener = Deno.listen({ hostname: "127.0.0.2", port });
    open.push(listener);
    void (async () => {
      for await (const near of listener) {
        open.push(near);
        take(near).catch(() => {});
      }
    })().catch(() => {});
  };
  listen(daemon.port, async (near) => {
    const far = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
    await Promise.all([near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)]);
  });
  listen(dataPort, (near) => onLane(near, dataPort));
  return {
    [Symbol.dispose]() {
      for (const end of open) {
        try {
          end[Symbol.dispose]();
        } catch { /* it has ended */ }
      }
    },
  };
}

const closes: OnLane = async (near) => {
  await near.read(new Uint8Array(32));
  near.close();
};

/** Whoever receives gets bytes that are no frame; whoever sends is listened to. */
const babbles: OnLane = async (near, dataPort) => {
  const token = new Uint8Array(32);
  for (let at = 0; at < token.length;) at += await near.read(token.subarray(at)) ?? 32;
  const far = await Deno.connect({ hostname: "127.0.0.1", port: dataPort });
  await far.write(token);
  for (const end of [near, far]) {
    await end.write(new Uint8Array(4096).fill(0x5a));
    void end.readable.pipeTo(new WritableStream()).catch(() => {});
  }
};

for (const way of directions.slice(0, 2)) {
  const through = (words: string[]) => words.map((word) => word.replace("127.0.0.1", "127.0.0.2"));

  testNeeding(
    [linux],
    `${way.name}: where lanes end at once, content goes through the control channel, and why is said`,
    async () => {
      await using scene = await Scene.open(way);
      await scene.dir.write({ "src/a": "x", "src/large": new Uint8Array(3 << 20).fill(4) });
      using _impostor = await startImpostor(scene.daemon, closes);
      const [from, to] = through([scene.source("src/"), scene.destination("dst")]);
      const result = await blitJson(["copy", from, to, "--stall-timeout", "20"]);
      assertExit(result, 0);
      assertSummary(result, { tcp_fallback_used: true, files_copied: 2 });
      assertMatch(
        result.summary.notices.join("\n"),
        /data port \(\d+\) end before anything comes through them: copying inside/,
      );
      assertEquals((await Deno.stat(scene.dir.at("dst/large"))).size, 3 << 20);
    },
  );

  testNeeding(
    [linux],
    `${way.name}: content that makes no sense ends an attempt with what was wrong, and the next one goes without`,
    async () => {
      await using scene = await Scene.open(way);
      await scene.dir.write({ "src/a": "x", "src/large": new Uint8Array(3 << 20).fill(4) });
      using _impostor = await startImpostor(scene.daemon, babbles);
      const [from, to] = through([scene.source("src/"), scene.destination("dst")]);
      const once = await blit(["copy", from, to, "--retry", "0"]);
      assertExit(once, 1);
      assertMatch(once.stderr, /^blit: .*makes no sense \(a bad frame or record\)$/m);
      assertEquals(await scene.dir.exists("dst/large"), false);
      const result = await blitJson(["copy", from, to, "--retry", "1", "--wait", "100ms"]);
      assertExit(result, 0);
      assertMatch(
        result.summary.notices[0],
        /makes no sense .*; trying again inside the control channel, which is slower,/,
      );
      assertEquals((await Deno.stat(scene.dir.at("dst/large"))).size, 3 << 20);
    },
  );
}
