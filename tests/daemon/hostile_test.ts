/** A client that wants what is not its own: nothing outside a module is seen or changed, and every attempt gets an error. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { pathFromBytes, pathToBytes } from "../../lib/base/path_bytes.ts";
import type { RemoveRequest } from "../../lib/wire/gen/blit/v1/admin_pb.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

type Client = ReturnType<TestDaemon["client"]>;
type Target = Pick<RemoveRequest, "module" | "path">;

/** Every call that takes a path. */
const calls: Record<string, (client: Client, target: Target) => Promise<unknown>> = {
  list: (client, target) => Array.fromAsync(client.list(target)),
  find: (client, target) => Array.fromAsync(client.find(target)),
  diskUsage: (client, target) => Array.fromAsync(client.diskUsage(target)),
  fileSystemStats: (client, target) => client.fileSystemStats(target),
  remove: (client, target) => Array.fromAsync(client.remove({ ...target, recursive: true })),
};

async function outsideAndInside(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.write({
    "outside/secret": "secret",
    "data/inside/file": "1",
    "data/up": { to: "../outside" },
    "data/absolute": { to: `${dir.path}/outside` },
    "data/inside/deep": { to: "../../outside/secret" },
    "data/self": { to: "inside" },
  });
  return dir;
}

const refused: [path: string, code: Code][] = [
  ["..", Code.InvalidArgument],
  ["../outside", Code.InvalidArgument],
  ["inside/../../outside/secret", Code.InvalidArgument],
  ["/etc", Code.InvalidArgument],
  ["inside//file", Code.InvalidArgument],
  ["inside/", Code.InvalidArgument],
  ["./inside", Code.InvalidArgument],
  ["inside\0/file", Code.InvalidArgument],
  ["x".repeat(256), Code.InvalidArgument],
  ["up/secret", Code.FailedPrecondition],
  ["absolute/secret", Code.FailedPrecondition],
  ["self/file", Code.FailedPrecondition],
  ["inside/file/x", Code.FailedPrecondition],
  ["inside/none", Code.NotFound],
];

Deno.test("paths that lead elsewhere are refused by every call, and nothing is touched", async () => {
  await using dir = await outsideAndInside();
  const before = await dir.snapshot();
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  for (const [name, call] of Object.entries(calls)) {
    for (const [path, code] of refused) {
      const error = await assertRejects(
        () => call(client, { module: "default", path: pathToBytes(path) }),
        ConnectError,
      );
      assertEquals([name, path, Code[error.code]], [name, path, Code[code]]);
    }
    for (const module of ["", "..", "default/..", "default\0", "Default", "x".repeat(10_000)]) {
      const error = await assertRejects(() => call(client, { module, path: new Uint8Array() }), ConnectError);
      assertEquals(error.code, Code.NotFound);
    }
  }
  assertEquals(await dir.snapshot(), before);
});

Deno.test("a symlink that leads out is shown and removed as what it is, and never followed", async () => {
  await using dir = await outsideAndInside();
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  const found: string[] = [];
  for await (const { entries } of client.find({ module: "default" })) {
    found.push(...entries.map(({ path }) => pathFromBytes(path)));
  }
  assertEquals(found.sort(), ["", "absolute", "inside", "inside/deep", "inside/file", "self", "up"]);
  for (const path of ["up", "absolute", "inside", "self"]) {
    await calls.remove(client, { module: "default", path: pathToBytes(path) });
  }
  assertEquals(await dir.names(), ["data", "outside", "outside/secret"]);
});

Deno.test("a directory that turns into a symlink while a tree is being removed takes nothing outside with it", async () => {
  await using dir = await testDirectory();
  const outside = Array.from({ length: 20 }, (_, index) => `outside/d${index % 4}/f${index}`);
  await dir.write(Object.fromEntries(outside.map((name) => [name, "x"])));
  const before = await dir.names("outside");
  await dir.write({ data: null });
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  for (let round = 0; round < 20; round++) {
    for (let index = 0; index < 8; index++) await dir.write({ [`data/tree/swap/d${index % 4}/f${index}`]: "x" });
    await dir.write({ "data/link": { to: "../../outside" } });
    let removing = true;
    const swapping = (async () => {
      while (removing) {
        await Deno.rename(dir.at("data/tree/swap"), dir.at("data/tree/away")).catch(() => {});
        await Deno.rename(dir.at("data/link"), dir.at("data/tree/swap")).catch(() => {});
        await Deno.rename(dir.at("data/tree/swap"), dir.at("data/link")).catch(() => {});
        await Deno.rename(dir.at("data/tree/away"), dir.at("data/tree/swap")).catch(() => {});
      }
    })();
    await calls.remove(client, { module: "default", path: pathToBytes("tree") }).catch((error) => {
      if (!(error instanceof ConnectError)) throw error;
    });
    removing = false;
    await swapping;
    for (const name of ["data/tree", "data/link"]) await Deno.remove(dir.at(name), { recursive: true }).catch(() => {});
  }
  assertEquals(await dir.names("outside"), before);
});

Deno.test("a read-only module can be looked at and not changed", async () => {
  await using dir = await outsideAndInside();
  const before = await dir.snapshot("data");
  await using daemon = await startDaemon(dir, {
    config: '[[modules]]\nname = "default"\npath = "$DIR/data"\nread_only = true\n',
  });
  const client = daemon.client();
  const target = { module: "default", path: pathToBytes("inside") };
  for (const name of ["list", "find", "diskUsage", "fileSystemStats"]) await calls[name](client, target);
  const error = await assertRejects(() => calls.remove(client, target), ConnectError);
  assertEquals([error.code, error.rawMessage], [
    Code.FailedPrecondition,
    'Cannot change anything in the module "default": it is read-only',
  ]);
  assertEquals(await dir.snapshot("data"), before);
});

Deno.test("random paths are answered or refused, and the daemon goes on", async () => {
  await using dir = await outsideAndInside();
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  const part = fc.constantFrom("inside", "file", "up", "self", "deep", "..", ".", "", "\0", "a", "\udcff");
  const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("/"));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("list", "find", "diskUsage", "fileSystemStats"), path, async (name, text) => {
      try {
        const answer = await calls[name](client, { module: "default", path: pathToBytes(text) });
        const shown = JSON.stringify(answer, (_, value) => typeof value === "bigint" ? `${value}` : value);
        assert(!shown.includes(btoa("secret")));
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        assert([Code.InvalidArgument, Code.NotFound, Code.FailedPrecondition].includes(error.code), error.message);
      }
    }),
    { numRuns: 300 },
  );
  assertEquals((await client.serverInfo({})).activeCalls, 1);
});
