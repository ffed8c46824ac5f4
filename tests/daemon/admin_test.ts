/** The calls of AdminService against a real daemon, through a Connect client. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import { pathFromBytes, pathToBytes } from "../../lib/base/path_bytes.ts";
import { type Entry, EntryKind, type Failure } from "../../lib/wire/gen/blit/v1/entry_pb.ts";
import { testDirectory } from "../support/environment.ts";
import { type Need, testNeeding } from "../support/needs.ts";
import { startDaemon } from "../support/daemon.ts";

interface Part {
  readonly entries: Entry[];
  readonly failures: Failure[];
}

async function collect(parts: AsyncIterable<Part>) {
  const entries: Entry[] = [];
  const failures: Failure[] = [];
  for await (const part of parts) {
    entries.push(...part.entries);
    failures.push(...part.failures);
  }
  return { entries, failures, paths: entries.map(({ path }) => pathFromBytes(path)).sort() };
}

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  return Code[(await assertRejects(call, ConnectError)).code];
}

Deno.test("a daemon says what it is and what it exports, and not where that lies", async () => {
  await using dir = await testDirectory();
  await dir.write({ data: null, old: null });
  await using daemon = await startDaemon(dir, {
    config: 'motd = "Welcome"\n[limits]\nsessions = 9\n' +
      '[[modules]]\nname = "data"\npath = "$DIR/data"\ncomment = "All of it"\nmax_connections = 4\n' +
      '[[modules]]\nname = "old"\npath = "$DIR/old"\nread_only = true\n',
  });
  const client = daemon.client();
  const info = await client.serverInfo({});
  assertEquals([info.protocolMajor, info.protocolMinor, info.messageOfTheDay, info.callsMax], [1, 1, "Welcome", 9]);
  assertEquals([info.activeCalls, info.operatingSystem], [1, Deno.build.os]);
  const { modules } = await client.listModules({});
  assertEquals(
    modules.map(({ name, comment, readOnly, connectionsMax }) => [name, comment, readOnly, connectionsMax]),
    [
      ["data", "All of it", false, 4],
      ["old", "", true, 0],
    ],
  );
  assert(!JSON.stringify(modules, (_, value) => typeof value === "bigint" ? `${value}` : value).includes(dir.path));
});

Deno.test("a directory is listed with everything that is known of its entries", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/file": "12345", "data/dir/below": "", "data/link": { to: "/nowhere/ü" } });
  await dir.setTime("data/file", 1_700_000_000.25);
  await Deno.chmod(dir.at("data/file"), 0o4750);
  await Deno.link(dir.at("data/file"), dir.at("data/second"));
  await using daemon = await startDaemon(dir, { root: "data" });
  const { entries, failures } = await collect(daemon.client().list({ module: "default" }));
  assertEquals(failures, []);
  const entry = (name: string) => entries.find(({ path }) => pathFromBytes(path) === name)!;
  const { kind, size, modifiedSeconds, modifiedNanoseconds, mode, links } = entry("file");
  assertEquals([kind, size, mode, links], [EntryKind.FILE, 5n, 0o4750, 2]);
  assertEquals([modifiedSeconds, modifiedNanoseconds], [1_700_000_000n, 250_000_000]);
  assertEquals([entry("link").kind, pathFromBytes(entry("link").target)], [EntryKind.SYMLINK, "/nowhere/ü"]);
  assertEquals(entry("dir").kind, EntryKind.DIRECTORY);
  assertEquals(entry("below"), undefined);
});

Deno.test("a path that is no directory is listed as the one entry, a symlink as a symlink", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/a/file": "12345", "data/link": { to: "a" } });
  await using daemon = await startDaemon(dir, { root: "data" });
  const list = (path: string) => collect(daemon.client().list({ module: "default", path: pathToBytes(path) }));
  const file = await list("a/file");
  assertEquals([file.paths, file.entries[0].size], [[""], 5n]);
  const link = await list("link");
  assertEquals([link.paths, link.entries[0].kind], [[""], EntryKind.SYMLINK]);
});

Deno.test("names that are not UTF-8 travel as their bytes, in both directions", async () => {
  await using dir = await testDirectory();
  const name = new Uint8Array([0x62, 0xff, 0x80, 0x2e]);
  await makeNamed(dir.path, name);
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  const { entries } = await collect(client.list({ module: "default" }));
  assertEquals(entries.map(({ path }) => path), [name]);
  const below = await collect(client.list({ module: "default", path: name }));
  assertEquals(below.paths, ["inside"]);
  const found = await collect(client.find({ module: "default", names: [new Uint8Array([0x62, 0xff, 0x2a])] }));
  assertEquals(found.entries.map(({ path }) => path), [name]);
  const { paths } = await client.completePath({ prefix: new Uint8Array([...pathToBytes("/default/b"), 0xff]) });
  assertEquals(paths, [new Uint8Array([...pathToBytes("/default/"), ...name, 0x2f])]);
});

/** data/NAME/inside; the shell takes the bytes as octal escapes. */
async function makeNamed(directory: string, name: Uint8Array): Promise<void> {
  const octal = [...name].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const script = `cd "$0" && n=$(printf '${octal}') && mkdir -p "data/$n" && : >"data/$n/inside"`;
  const { success } = await new Deno.Command("sh", { args: ["-c", script, directory] }).output();
  assert(success);
}

Deno.test("a directory with thousands of entries comes complete, in several messages", async () => {
  await using dir = await testDirectory();
  await dir.write({ data: null });
  const names = Array.from({ length: 3000 }, (_, index) => `entry-${index}`).sort();
  for (const name of names) Deno.writeTextFileSync(dir.at(`data/${name}`), "");
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nentries_per_message = 1000\n[[modules]]\nname = "default"\npath = "$DIR/data"\n',
  });
  const sizes: number[] = [];
  const found: string[] = [];
  for await (const part of daemon.client().list({ module: "default" })) {
    sizes.push(part.entries.length);
    found.push(...part.entries.map(({ path }) => pathFromBytes(path)));
  }
  assertEquals(found.sort(), names);
  assert(sizes.length >= 3 && Math.max(...sizes) <= 1000, `${sizes}`);
});

Deno.test("find goes by name, kind, size and depth, and does not follow symlinks", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "data/a.txt": "1",
    "data/sub/b.txt": "12345",
    "data/sub/deep/c.txt": "1234567890",
    "data/sub/deep/d.bin": "12",
    "data/loop": { to: "." },
    "data/out": { to: "/etc" },
  });
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  const find = async (request: Parameters<typeof client.find>[0]) =>
    (await collect(client.find({ module: "default", ...request }))).paths;
  const all = ["", "a.txt", "loop", "out", "sub", "sub/b.txt", "sub/deep", "sub/deep/c.txt", "sub/deep/d.bin"];
  assertEquals(await find({}), all);
  assertEquals(await find({ names: [pathToBytes("*.txt")] }), ["a.txt", "sub/b.txt", "sub/deep/c.txt"]);
  assertEquals(await find({ names: [pathToBytes("a*"), pathToBytes("?.bin")] }), ["a.txt", "sub/deep/d.bin"]);
  assertEquals(await find({ kinds: [EntryKind.DIRECTORY] }), ["", "sub", "sub/deep"]);
  assertEquals(await find({ kinds: [EntryKind.SYMLINK] }), ["loop", "out"]);
  assertEquals(await find({ sizeMin: 2n, sizeMax: 5n }), ["sub/b.txt", "sub/deep/d.bin"]);
  assertEquals(await find({ sizeMax: 1n }), ["a.txt"]);
  assertEquals(await find({ depthMax: 0 }), [""]);
  assertEquals(await find({ depthMax: 1 }), ["", "a.txt", "loop", "out", "sub"]);
  assertEquals(await find({ path: pathToBytes("sub"), depthMax: 1 }), ["", "b.txt", "deep"]);
  assertEquals(await find({ path: pathToBytes("sub/b.txt") }), [""]);
  assertEquals(await find({ path: pathToBytes("out") }), [""]);
  assertEquals(await codeOf(() => find({ path: pathToBytes("none") })), "NotFound");
  assertEquals(await codeOf(() => find({ names: Array(65).fill(pathToBytes("a")) })), "InvalidArgument");
});

Deno.test("disk usage adds up what du adds up", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "data/a": "x".repeat(10_000),
    "data/sub/b": "x".repeat(5000),
    "data/sub/deep/c": "123",
    "data/sub/deep/empty": null,
    "data/link": { to: "a" },
  });
  await Deno.link(dir.at("data/a"), dir.at("data/sub/again"));
  await using daemon = await startDaemon(dir, { root: "data" });
  const usage = async (path: string, depthMax: number) => {
    const told = new Map<string, unknown[]>();
    for await (const part of daemon.client().diskUsage({ module: "default", path: pathToBytes(path), depthMax })) {
      for (const { path, files, directories, bytes } of part.usages) {
        told.set(pathFromBytes(path), [files, directories, bytes].map(Number));
      }
    }
    return Object.fromEntries(told);
  };
  assertEquals(await usage("", 0), { "": [5, 4, 15_003] });
  const sub = await usage("sub", 1);
  assertEquals(sub, { deep: [1, 2, 3], "": [3, 3, 15_003] });
  assertEquals(Object.keys(sub).at(-1), "");
  assertEquals(await usage("sub/b", 9), { "": [1, 0, 5000] });

  let allocated = 0n;
  for await (const part of daemon.client().diskUsage({ module: "default" })) {
    allocated = part.usages.at(-1)!.allocatedBytes;
  }
  const du = await new Deno.Command("du", { args: ["-s", "-B1", dir.at("data")] }).output();
  assertEquals(Number(allocated), Number(new TextDecoder().decode(du.stdout).split("\t")[0]));
});

Deno.test("file system statistics are those of the module's file system", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/a": "1" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const client = daemon.client();
  const stats = await client.fileSystemStats({ module: "default", path: pathToBytes("a") });
  const { stdout } = await new Deno.Command("stat", { args: ["-f", "-c", "%b %S %c", dir.path] }).output();
  const [blocks, size, inodes] = new TextDecoder().decode(stdout).trim().split(" ").map(BigInt);
  assertEquals([stats.totalBytes, stats.totalInodes], [blocks * size, inodes]);
  assert(stats.availableBytes <= stats.freeBytes && stats.freeBytes <= stats.totalBytes);
  assertEquals(await codeOf(() => client.fileSystemStats({ module: "default", path: pathToBytes("b") })), "NotFound");
});

Deno.test("remove takes an entry, or a tree if that is asked for, and nothing beside it", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "data/file": "1",
    "data/tree/a/b": "1",
    "data/tree/c": "1",
    "data/tree/link": { to: "../beside" },
    "data/beside/kept": "1",
    "data/link": { to: "beside" },
    "data/empty": null,
  });
  await using daemon = await startDaemon(dir, { root: "data" });
  const remove = async (path: string, recursive: boolean) => {
    let last: unknown[] = [];
    const failures: string[] = [];
    for await (const part of daemon.client().remove({ module: "default", path: pathToBytes(path), recursive })) {
      last = [Number(part.filesRemoved), Number(part.directoriesRemoved)];
      failures.push(...part.failures.map(({ path, code }) => `${pathFromBytes(path)} ${code}`));
    }
    return [...last, failures];
  };
  assertEquals(await remove("tree", false), [0, 0, [" ENOTEMPTY"]]);
  assertEquals(await remove("tree", true), [3, 2, []]);
  assertEquals(await remove("file", true), [1, 0, []]);
  assertEquals(await remove("link", true), [1, 0, []]);
  assertEquals(await remove("empty", false), [0, 1, []]);
  assertEquals(await codeOf(() => remove("file", true)), "NotFound");
  assertEquals(await codeOf(() => remove("", true)), "InvalidArgument");
  assertEquals(await dir.names("data"), ["beside", "beside/kept"]);
});

/** Files that not even root can remove; not every file system has them. */
const immutableFiles: Need = await (async () => {
  await using dir = await testDirectory();
  await dir.write({ file: "" });
  const changed = await chattr("+i", dir.at("file")).catch(() => false);
  if (changed) await chattr("-i", dir.at("file"));
  return { missing: changed ? undefined : "needs root, chattr and a file system with immutable files" };
})();

async function chattr(flag: string, path: string): Promise<boolean> {
  return (await new Deno.Command("chattr", { args: [flag, path], stderr: "null" }).output()).success;
}

testNeeding([immutableFiles], "what cannot be removed is named once, and the rest goes", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/tree/fixed/a": "1", "data/tree/b": "1" });
  await chattr("+i", dir.at("data/tree/fixed/a"));
  try {
    await using daemon = await startDaemon(dir, { root: "data" });
    const failures: string[] = [];
    let files = 0n;
    for await (
      const part of daemon.client().remove({ module: "default", path: pathToBytes("tree"), recursive: true })
    ) {
      failures.push(...part.failures.map(({ path, code }) => `${pathFromBytes(path)} ${code}`));
      files = part.filesRemoved;
    }
    assertEquals([files, failures], [1n, ["fixed/a EPERM"]]);
  } finally {
    await chattr("-i", dir.at("data/tree/fixed/a"));
  }
});

Deno.test("a typed path goes on with modules, then with entries, hidden ones only when asked for", async () => {
  await using dir = await testDirectory();
  await dir.write({ "photos/2024/a": "", "photos/2025": "", "photos/.hidden": "", "pho/x": "" });
  await using daemon = await startDaemon(dir, {
    config: '[[modules]]\nname = "photos"\npath = "$DIR/photos"\n[[modules]]\nname = "pho"\npath = "$DIR/pho"\n',
  });
  const client = daemon.client();
  const complete = async (prefix: string, answersMax = 0) => {
    const { paths, truncated } = await client.completePath({ prefix: pathToBytes(prefix), answersMax });
    return [paths.map(pathFromBytes), truncated];
  };
  assertEquals(await complete("/"), [["/pho/", "/photos/"], false]);
  assertEquals(await complete("/phot"), [["/photos/"], false]);
  assertEquals(await complete("/x"), [[], false]);
  assertEquals(await complete("/photos/"), [["/photos/2024/", "/photos/2025"], false]);
  assertEquals(await complete("/photos/."), [["/photos/.hidden"], false]);
  assertEquals(await complete("/photos/2024/"), [["/photos/2024/a"], false]);
  const [some, truncated] = await complete("/photos/20", 1);
  assertEquals([(some as string[]).length, truncated], [1, true]);
  assertEquals(await codeOf(() => complete("/none/a")), "NotFound");
  assertEquals(await codeOf(() => complete("/photos/../")), "InvalidArgument");
});

Deno.test("a module has no more users at once than it may have, and each is counted out again", async () => {
  await using dir = await testDirectory();
  await dir.write({ data: null });
  for (let index = 0; index < 200; index++) await dir.write({ [`data/${index}/x`]: "" });
  await using daemon = await startDaemon(dir, {
    config: '[[modules]]\nname = "data"\npath = "$DIR/data"\nmax_connections = 2\n',
  });
  const client = daemon.client();
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => collect(client.find({ module: "data" }))));
  const refused = results.filter((result) => result.status === "rejected").map(({ reason }) =>
    (reason as ConnectError).code
  );
  assert(refused.length > 0 && refused.length <= 10, `${refused}`);
  assertEquals(new Set(refused), new Set([Code.ResourceExhausted]));
  assertEquals((await client.listModules({})).modules[0].activeConnections, 0);
  assertEquals((await collect(client.find({ module: "data" }))).entries.length, 401);
});
