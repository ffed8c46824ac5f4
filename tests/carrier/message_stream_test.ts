import { assertEquals } from "@std/assert";
import { MessageStream } from "../../lib/carrier/message_stream.ts";

Deno.test("a stream that breaks off lets everybody go who waits for it, whoever's turn it was", async () => {
  const stream = new MessageStream<number>();
  const sent = [1, 2, 3].map((message) => stream.send(message));
  const taking = stream[Symbol.asyncIterator]();
  assertEquals((await taking.next()).value, 1);
  assertEquals(stream.idle, false);
  await taking.return(undefined);
  await Promise.all(sent);
  assertEquals(stream.idle, true);
});

Deno.test("what was sent before the end is still taken, in order", async () => {
  const stream = new MessageStream<number>();
  void stream.send(1);
  void stream.send(2);
  stream.end();
  await stream.send(3);
  assertEquals(await Array.fromAsync(stream), [1, 2]);
});
