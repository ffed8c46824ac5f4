/** Lanes at the ends of an engine's life. */

import { assertEquals } from "@std/assert";
import { closeDescriptor, readDescriptor, socketPair } from "../../lib/native/descriptors.ts";
import { openDestinationEngine } from "../../lib/native/destination_engine.ts";
import { testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";

const config = {
  workers: 2,
  bytesPerSecond: 0,
  largeBytes: 1 << 24,
  bufferBytes: 1 << 18,
  verify: false,
  fsync: false,
  discard: false,
  move: false,
  readOnly: false,
};

/** Nothing comes out of the other end any more. */
async function assertClosed(descriptor: number): Promise<void> {
  assertEquals(await readDescriptor(descriptor, new Uint8Array(1)), 0);
  closeDescriptor(descriptor);
}

testNeeding([linux], "lanes end with their engine, whenever they came", async () => {
  await using dir = await testDirectory();
  for (let round = 0; round < 50; round++) {
    const engine = (await openDestinationEngine({ ...config, destination: dir.path }, 10_000))!;
    const [early, earlyEnd] = socketPair();
    const [meanwhile, meanwhileEnd] = socketPair();
    const [late, lateEnd] = socketPair();
    const first = engine.lane(early);
    const second = engine.lane(meanwhile);
    const closed = engine.close();
    const third = engine.lane(late);
    await Promise.all([first, second, third, closed]);
    for (const end of [earlyEnd, meanwhileEnd, lateEnd]) await assertClosed(end);
  }
});
