/** Start, reload and end of a daemon, as a service manager sees them. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import { testDirectory } from "../support/environment.ts";
import { parseLog, startDaemon } from "../support/daemon.ts";
import { type OpenRequest, openRequest } from "../support/raw_http.ts";
import { blit, until } from "../support/program.ts";

Deno.test("a daemon says one line when it is ready, logs lines of pairs, and ends with 0 on SIGTERM", async () => {
  await using dir = await testDirectory();
  await dir.write({ data: null });
  await using daemon = await startDaemon(dir, { root: "data" });
  await daemon.client().serverInfo({});
  daemon.closeClients();
  daemon.program.kill("SIGTERM");
  const { code, stdout, stderr } = await daemon.program.result;
  assertEquals(code, 0);
  assertEquals(stdout, `blit daemon ready on 127.0.0.1:${daemon.port}\n`);
  const log = parseLog(stderr);
  assertEquals(log.map(({ event }) => event), ["ready", "call", "stopping", "stopped"]);
  const { event, procedure, client, code: outcome, level } = log[1];
  assertEquals([event, procedure, client, outcome, level], ["call", "ServerInfo", "127.0.0.1", "ok", "info"]);
});

Deno.test("without an address a daemon listens on all of them, in both families", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: ".", bind: "" });
  assertMatch(daemon.program.output(), /ready on (\[::\]|0\.0\.0\.0):\d+\n$/);
  assertEquals((await blit(["modules", daemon.host])).stdout, "default  read-write\n");
  if (daemon.program.output().includes("[::]")) {
    assertEquals((await blit(["modules", `[::1]:${daemon.port}`])).stdout, "default  read-write\n");
  }
});

const cannotStart: [what: string, args: string[], config: string | undefined, code: number, said: RegExp][] = [
  ["nothing to export", ["--config", "$DIR/daemon.toml"], "", 64, /has no \[\[modules\]\]/],
  ["a wrong key", ["--config", "$DIR/daemon.toml"], "limits = 1", 64, /daemon\.toml": limits must be a table/],
  ["no such configuration", ["--config", "$DIR/none.toml"], undefined, 64, /none\.toml": no such file/],
  [
    "a root that is not there",
    ["--root", "$DIR/none"],
    undefined,
    1,
    /^blit: Cannot export ".*\/none": no such directory$/m,
  ],
  ["a root that is a file", ["--root", "$DIR/daemon.toml"], "", 1, /it is not a directory/],
  [
    "an address of another machine",
    ["--root", "$DIR", "--bind", "192.0.2.77"],
    undefined,
    1,
    /Cannot listen on 192\.0\.2\.77:0: /,
  ],
  [
    "a port that is none",
    ["--root", "$DIR", "--port", "65536"],
    undefined,
    64,
    /"--port" needs a whole number from 0 to 65535, not/,
  ],
  ["an operand", ["$DIR"], undefined, 64, /takes no operands/],
];

for (const [what, args, config, code, said] of cannotStart) {
  Deno.test(`a daemon does not start with ${what}, and says so in one line`, async () => {
    await using dir = await testDirectory();
    if (config !== undefined) await dir.write({ "daemon.toml": config });
    const words = args.map((word) => word.replace("$DIR", dir.path));
    const result = await blit(["daemon", "--no-mdns", ...(args.includes("--port") ? [] : ["--port", "0"]), ...words]);
    assertEquals([result.code, result.stdout], [code, ""]);
    assertMatch(result.stderr, said);
    assertEquals(result.stderr.trimEnd().split("\n").length, 1);
  });
}

Deno.test("a second daemon on the same port does not start", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: "." });
  const result = await blit([
    "daemon",
    "--root",
    dir.path,
    "--no-mdns",
    "--bind",
    "127.0.0.1",
    "--port",
    `${daemon.port}`,
  ]);
  assertEquals(result.code, 1);
  assertEquals(result.stderr, `blit: Cannot listen on 127.0.0.1:${daemon.port}: another program listens there\n`);
});

Deno.test("SIGHUP brings in new modules, clients and limits; a wrong configuration changes nothing", async () => {
  await using dir = await testDirectory();
  await dir.write({ a: null, b: null });
  const module = (name: string) => `[[modules]]\nname = "${name}"\npath = "${dir.at(name)}"\n`;
  await using daemon = await startDaemon(dir, { config: module("a") });
  const client = daemon.client();
  const names = async () => (await client.listModules({})).modules.map(({ name }) => name);
  assertEquals(await names(), ["a"]);

  await daemon.reconfigure(`motd = "new"\n${module("a")}${module("b")}`);
  await daemon.event("reloaded");
  assertEquals(await names(), ["a", "b"]);
  assertEquals((await client.serverInfo({})).messageOfTheDay, "new");

  await daemon.reconfigure("modules = 1");
  assertStringIncludes((await daemon.event("reload_failed")).error, "modules must be a list of tables");
  assertEquals(await names(), ["a", "b"]);

  await daemon.reconfigure(`port = 1\n${module("b")}`);
  await daemon.event("reloaded", 2);
  assertEquals(await names(), ["b"]);

  await daemon.reconfigure(`allow = ["10.99.0.0/16"]\n${module("b")}`);
  await daemon.event("reloaded", 3);
  const error = await assertRejects(names, ConnectError);
  assertEquals(error.code, Code.PermissionDenied);
  assertStringIncludes(error.rawMessage, "127.0.0.1");
});

/** A call that goes on until its body is complete. */
async function runningCall(
  daemon: { port: number; client(): { serverInfo(request: object): Promise<{ activeCalls: number }> } },
): Promise<OpenRequest> {
  const request = await openRequest(daemon.port, "ListModules", 2);
  const client = daemon.client();
  await until(async () => (await client.serverInfo({})).activeCalls === 2, "the call to begin");
  return request;
}

Deno.test("after SIGTERM nothing new is accepted, and a running call is finished", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: "." });
  using call = await runningCall(daemon);
  daemon.closeClients();
  daemon.program.kill("SIGTERM");
  assertEquals((await daemon.event("stopping")).calls, "1");
  await until(
    () => Deno.connect({ port: daemon.port }).then((connection) => void connection.close(), () => true).then(Boolean),
    "connections to be refused",
  );
  await call.send("{}");
  assertMatch(await call.answer(), /^HTTP\/1\.1 200 [^]*"default"/);
  const { code, stderr } = await daemon.program.result;
  assertEquals([code, parseLog(stderr).at(-1)?.calls], [0, "0"]);
});

Deno.test("a call that outlives the grace period is ended", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, {
    config: 'grace_seconds = 1\n[limits]\nfirst_byte_seconds = 600\n[[modules]]\nname = "a"\npath = "$DIR"\n',
  });
  using _call = await runningCall(daemon);
  daemon.closeClients();
  daemon.program.kill("SIGTERM");
  const { code, stderr } = await daemon.program.result;
  assertEquals([code, parseLog(stderr).at(-1)?.event], [0, "stopped"]);
});

Deno.test("a second signal ends the grace period", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, {
    config: 'grace_seconds = 86400\n[limits]\nfirst_byte_seconds = 3600\n[[modules]]\nname = "a"\npath = "$DIR"\n',
  });
  using _call = await runningCall(daemon);
  daemon.program.kill("SIGTERM");
  await daemon.event("stopping");
  daemon.program.kill("SIGTERM");
  assertEquals((await daemon.program.result).code, 0);
});

Deno.test("a module that is not there yet is warned of, and serves once it is there", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { config: '[[modules]]\nname = "later"\npath = "$DIR/later"\n' });
  const warning = await daemon.event("module_unavailable");
  assertEquals([warning.module, warning.error], ["later", "no such file or directory"]);
  const client = daemon.client();
  const names = async () =>
    (await Array.fromAsync(client.list({ module: "later" }))).flatMap(({ entries }) => entries).length;
  assertEquals((await assertRejects(names, ConnectError)).code, Code.NotFound);
  await dir.write({ "later/x": "" });
  assertEquals(await names(), 1);
});
