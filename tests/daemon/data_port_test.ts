/** Lanes that come in: what becomes of their connections. */

import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/daemon/config.ts";
import { DataPort } from "../../lib/daemon/data_port.ts";
import { lineLog } from "../../lib/daemon/log.ts";
import { closeDescriptor } from "../../lib/native/descriptors.ts";
import { linux, testNeeding } from "../support/needs.ts";

testNeeding([linux], "a connection that nobody takes is closed and logged, and the next one is taken", async () => {
  const lines: string[] = [];
  const config = parseConfig('bind = "127.0.0.1"\n', "test");
  const port = new DataPort(() => config, lineLog((line) => lines.push(line)));
  let taken = 0;
  using lanes = port.expect("", 1, (descriptor) => {
    if (taken++ === 0) throw new Error("the transfer is over");
    closeDescriptor(descriptor);
    return Promise.resolve();
  });
  for (let i = 0; i < 2; i++) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: port.port });
    await connection.write(lanes.token);
    assertEquals(await connection.read(new Uint8Array(1)), null);
    assertEquals(taken, i + 1);
  }
  port.close();
  assertEquals(lines.filter((line) => line.includes("event=lane_failed")).length, 1);
});
