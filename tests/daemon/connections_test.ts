/** What comes to a daemon's port and is no call: garbage, silence, stalling, too many at once. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { testDirectory } from "../support/environment.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { startDaemon } from "../support/daemon.ts";
import { until } from "../support/program.ts";
import { openConnection, type OpenRequest, openRequest } from "../support/raw_http.ts";

const impatient = '[limits]\nfirst_byte_seconds = 1\n[[modules]]\nname = "default"\npath = "$DIR"\n';

Deno.test("connections that say nothing, garbage, or half a request are closed and logged", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { config: impatient });
  using silent = await openConnection(daemon.port);
  using garbage = await openConnection(daemon.port);
  using half = await openConnection(daemon.port);
  using preface = await openConnection(daemon.port);
  await garbage.send("\x16\x03\x01\x02 not http at all\0\0\0");
  await half.send("POST /blit.v1.AdminService/ServerInfo HTTP/1.1\r\nHost: ");
  await preface.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  assertEquals(await silent.answer(), "");
  assert(!(await garbage.answer()).startsWith("HTTP/1.1 200"));
  assertEquals(await half.answer(), "");
  await preface.answer();
  const closed = await daemon.event("connections_closed");
  assertEquals(closed.reason, "silent");
  assertEquals((await daemon.client().serverInfo({})).activeCalls, 1);
});

Deno.test("a request whose body never comes is answered with an error, and the connection closed", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { config: impatient });
  using stalled = await openRequest(daemon.port, "ServerInfo", 100);
  assertMatch(await stalled.answer(), /deadline_exceeded/);
  assertEquals((await daemon.event("call")).code, "deadline_exceeded");
  assertEquals((await daemon.event("connections_closed")).reason, "stalled");
  assertEquals((await daemon.client().serverInfo({})).activeCalls, 1);
});

Deno.test("a connection that has been idle for long is closed, and the client just makes another", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nidle_seconds = 1\n[[modules]]\nname = "default"\npath = "$DIR"\n',
  });
  const client = daemon.client();
  await client.serverInfo({});
  assertEquals((await daemon.event("connections_closed")).reason, "idle");
  assertEquals((await client.serverInfo({})).activeCalls, 1);
});

Deno.test("a client that takes no answers loses its connection, and its call ends", async () => {
  await using dir = await testDirectory();
  await dir.write({ data: null });
  for (let index = 0; index < 150; index++) await dir.write({ [`data/${"x".repeat(200)}${index}`]: null });
  for (let index = 0; index < 150; index++) {
    const inner = dir.at(`data/${"x".repeat(200)}${index}`);
    for (let file = 0; file < 150; file++) Deno.writeTextFileSync(`${inner}/${"y".repeat(200)}${file}`, "");
  }
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nstall_seconds = 1\n[[modules]]\nname = "default"\npath = "$DIR/data"\n',
  });
  // Ten answers of 12 MB each are more than the buffers of both sockets hold.
  const request = '{"module":"default"}';
  const envelope = `\0\0\0\0${String.fromCharCode(request.length)}${request}`;
  const open = Array.from({ length: 10 }, async () => {
    const connection = await openConnection(daemon.port);
    await connection.send(
      "POST /blit.v1.AdminService/Find HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/connect+json\r\n" +
        `Content-Length: ${envelope.length}\r\n\r\n${envelope}`,
    );
    return connection;
  });
  const connections = await Promise.all(open);
  assertEquals((await daemon.event("connections_closed")).reason, "stalled");
  await until(async () => (await daemon.client().serverInfo({})).activeCalls === 1, "the calls to end");
  const [module] = (await daemon.client().listModules({})).modules;
  assertEquals(module.activeConnections, 0);
  connections.forEach((connection) => connection[Symbol.dispose]());
});

testNeeding(
  [linux, command("prlimit")],
  "more connections than there are descriptors for do not take the daemon down",
  async () => {
    await using dir = await testDirectory();
    await using daemon = await startDaemon(dir, { root: ".", wrapper: ["prlimit", "--nofile=400:400"] });
    const client = daemon.client();
    await client.serverInfo({});
    const open: OpenRequest[] = [];
    try {
      for (let wave = 0; wave < 6; wave++) {
        for (let index = 0; index < 60; index++) open.push(await openConnection(daemon.port));
        await until(() => daemon.descriptors() < 250, "the surplus to be closed");
      }
      assertEquals((await daemon.event("connections_closed")).reason, "crowded");
      // The one that was of use is still there.
      assertEquals((await client.serverInfo({})).activeCalls, 1);
      assertEquals(new Set(daemon.events("call").map(({ port }) => port)).size, 1);
    } finally {
      open.forEach((connection) => connection[Symbol.dispose]());
    }
  },
);

Deno.test("calls beyond the limit that may not wait are refused with a clear error, and served when there is room again", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nsessions = 2\nwait_seconds = 0\n[[modules]]\nname = "default"\npath = "$DIR"\n',
  });
  const client = daemon.client();
  const first = await openRequest(daemon.port, "ServerInfo", 2);
  await until(async () => (await client.serverInfo({})).activeCalls === 2, "the first call to begin");
  const second = await openRequest(daemon.port, "ServerInfo", 2);
  const refusals: ConnectError[] = [];
  await until(async () => {
    await client.serverInfo({}).catch((error) => refusals.push(ConnectError.from(error)));
    return refusals.length > 0;
  }, "a refusal");
  assertEquals([refusals[0].code, refusals[0].rawMessage], [
    Code.ResourceExhausted,
    "This daemon is busy: it has its 2 calls",
  ]);
  for (const request of [first, second]) {
    await request.send("{}");
    assertMatch(await request.answer(), /^HTTP\/1\.1 200 /);
    request[Symbol.dispose]();
  }
  assertEquals((await client.serverInfo({})).activeCalls, 1);
});

Deno.test("messages over the limit are refused before they are read", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nmessage_bytes = "64KiB"\n[[modules]]\nname = "default"\npath = "$DIR"\n',
  });
  const client = daemon.client();
  const path = new Uint8Array(65 * 1024).fill(0x61);
  const unary = await assertRejects(() => client.fileSystemStats({ module: "default", path }), ConnectError);
  const stream = await assertRejects(() => Array.fromAsync(client.list({ module: "default", path })), ConnectError);
  assertEquals([unary.code, stream.code], [Code.ResourceExhausted, Code.ResourceExhausted]);
});

Deno.test("whatever bytes arrive, the daemon goes on", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { config: impatient });
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST ",
        "/blit.v1.AdminService/List ",
        "HTTP/1.1\r\n",
        "\r\n",
        "\0",
      ),
      fc.string({ unit: "binary" }),
    ),
  });
  await fc.assert(
    fc.asyncProperty(text, async (bytes) => {
      using connection = await openConnection(daemon.port);
      await connection.send(bytes).catch(() => {});
    }),
    { numRuns: 200 },
  );
  const client = daemon.client();
  await until(async () => (await client.serverInfo({})).activeCalls === 1, "all calls to end");
});

testNeeding([linux], "hundreds of calls, finished and broken off, leave no descriptor behind", async () => {
  await using dir = await testDirectory();
  for (let index = 0; index < 30; index++) await dir.write({ [`data/${index}/a/b`]: "" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const round = async () => {
    const client = daemon.client();
    for (let index = 0; index < 20; index++) {
      await Array.fromAsync(client.list({ module: "default" }));
      await Array.fromAsync(client.find({ module: "default" }));
      const breaking = new AbortController();
      const broken = Array.fromAsync(client.find({ module: "default" }, { signal: breaking.signal }));
      breaking.abort();
      await assertRejects(() => broken);
    }
    daemon.closeClients();
  };
  await round();
  let before = Infinity;
  await until(() => before <= (before = daemon.descriptors()), "the number of descriptors to settle");
  for (let index = 0; index < 4; index++) await round();
  await until(
    () => daemon.descriptors() <= before,
    `no more than ${before} descriptors, there are ${daemon.descriptors()}`,
  );
  const client = daemon.client();
  await until(async () => (await client.serverInfo({})).activeCalls === 1, "all calls to end");
  assertEquals((await client.listModules({})).modules[0].activeConnections, 0);
});

testNeeding([linux], "what thousands of connections took of memory is given back when they have gone", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: ".", unmeasured: true });
  const count = 2000;
  const megabytes = () => Math.round(daemon.memory() / 1e6);
  const before = megabytes();
  const open: Deno.TcpConn[] = [];
  // The beginning of HTTP/2, after which the server holds buffers for each.
  const greeting = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  while (open.length < count) {
    const more = Array.from({ length: 100 }, () => Deno.connect({ hostname: "127.0.0.1", port: daemon.port }));
    open.push(...await Promise.all(more));
  }
  for (const connection of open) await connection.write(greeting);
  await until(() => megabytes() >= before + 45, `${before + 45} MB`);
  await until(() => daemon.descriptors() > count, "all connections to be taken");
  for (const connection of open) connection.close();
  await until(() => megabytes() < before + 30, `less than ${before + 30} MB`);
});
