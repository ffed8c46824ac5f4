/** The commands that ask a daemon, as processes against a daemon process. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { startDaemon } from "../support/daemon.ts";
import { blit, blitJson, blitOnTerminal, until } from "../support/program.ts";

Deno.test("blit modules shows names, access and comments, and the message of the day apart from them", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, {
    config: 'motd = "Hi\\u001b[31m"\n[[modules]]\nname = "a"\npath = "$DIR"\ncomment = "first"\n' +
      '[[modules]]\nname = "long-name"\npath = "$DIR"\nread_only = true\n',
  });
  const text = await daemon.run("modules", daemon.host);
  assertEquals([text.code, text.stdout], [0, "a          read-write  first\nlong-name  read-only\n"]);
  assertEquals(text.stderr, "Hi\\x1b[31m\n");
  const { summary } = await blitJson(["modules", daemon.host]);
  assertEquals([summary.port, summary.protocol, summary.modules.length], [daemon.port, "1.1", 2]);
  assertEquals([summary.modules[1].name, summary.modules[1].read_only], ["long-name", true]);
});

Deno.test("blit ls lists sorted, with a slash behind directories; --long and --json say more", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/b/x": "1", "data/a": "12345", "data/c": { to: "a" }, "data/\x1b": "" });
  await Deno.chmod(dir.at("data/a"), 0o640);
  await using daemon = await startDaemon(dir, { root: "data" });
  const text = await daemon.run("ls", daemon.place("default"));
  assertEquals([text.code, text.stdout, text.stderr], [0, "\\x1b\na\nb/\nc\n", ""]);
  const long = (await daemon.run("ls", "-l", daemon.place("default"))).stdout.split("\n");
  assertMatch(long[1], /^-rw-r----- +\d+:\d+ +5 B +\d{4}-\d\d-\d\d \d\d:\d\d +a$/);
  assertMatch(long[2], /^d.* b\/$/);
  assertMatch(long[3], /^l.* c -> a$/);
  const { summary } = await blitJson(["ls", daemon.place("default/b/x")]);
  assertEquals([summary.entries.length, summary.entries[0].path, summary.entries[0].size], [1, "", 1]);
  assertEquals((await daemon.run("ls", daemon.place("default/b/x"))).stdout, "x\n");
});

Deno.test("blit find prints paths that other commands take, and filters", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/sub/a.txt": "x".repeat(2000), "data/sub/b.txt": "1", "data/c.bin": "1" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const { stdout } = await daemon.run("find", daemon.place("default/sub"), "--name", "*.txt", "--min-size", "1K");
  assertEquals(stdout, `${daemon.place("default/sub/a.txt")}\n`);
  assertEquals((await daemon.run("ls", stdout.trim())).stdout, "a.txt\n");
  const kinds = await daemon.run("find", daemon.place("default"), "--type", "directory");
  assertEquals(kinds.stdout, `${daemon.place("default/")}\n${daemon.place("default/sub/")}\n`);
  const { summary, code } = await blitJson(["find", daemon.place("default"), "--max-depth", "1", "--type", "file"]);
  assertEquals([code, summary.entries.map(({ path }: { path: string }) => path), summary.failures], [0, ["c.bin"], []]);
  const none = await blitJson(["find", daemon.place("default"), "--name", "nothing"]);
  assertEquals(none.summary.entries, []);
});

Deno.test("blit du and df show sums and room", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/sub/a": "x".repeat(2048), "data/b": "1" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const text = await daemon.run("du", daemon.place("default"), "--max-depth", "1");
  const lines = text.stdout.trimEnd().split("\n");
  assertEquals(lines.length, 3);
  assertMatch(lines[1], /^ +2\.00 KiB .* 1 file, 1 directory +\S+:\/default\/sub$/);
  assertMatch(lines[2], /^ +2\.00 KiB .* 2 files, 2 directories +\S+:\/default$/);
  const du = await blitJson(["du", daemon.place("default")]);
  assertEquals(du.summary.usages.map(({ path, files, bytes }: Record<string, unknown>) => [path, files, bytes]), [[
    "",
    2,
    2049,
  ]]);
  const df = await blitJson(["df", daemon.place("default")]);
  assert(df.summary.total_bytes >= df.summary.available_bytes && df.summary.total_bytes > 0);
  assertStringIncludes((await daemon.run("df", daemon.place("default"))).stdout, "available");
});

Deno.test("blit rm without a terminal needs --yes, and then removes", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/tree/a/b": "1", "data/tree/c": "1", "data/kept": "1" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const refused = await daemon.run("rm", daemon.place("default/tree"));
  assertEquals([refused.code, refused.stdout], [64, ""]);
  assertMatch(refused.stderr, /no terminal to ask on\. Add --yes\.\n$/);
  assert(await dir.exists("data/tree/c"));
  const removed = await blitJson(["rm", daemon.place("default/tree"), "--yes"]);
  assertEquals([removed.code, removed.summary.files_removed, removed.summary.directories_removed], [0, 2, 2]);
  assertEquals((await daemon.run("rm", daemon.place("default/kept"), "-y")).stdout, "Removed 1 file\n");
  assertEquals(await dir.names("data"), []);
});

testNeeding([linux], "blit rm on a terminal says what would go and takes no for an answer", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/tree/a": "12345", "data/tree/b": "1" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const ask = async (answer: string) => {
    const terminal = await blitOnTerminal(["rm", daemon.place("default/tree")], { columns: 200, rows: 20 });
    await until(() => terminal.output().includes("[y/N]"), "the question");
    await terminal.send(answer);
    return await terminal.result;
  };
  const declined = await ask("n\n");
  assertEquals(declined.code, 1);
  assertStringIncludes(
    declined.stdout,
    `Remove "${daemon.place("default/tree")}": 2 files and 1 directory, 6 B? [y/N]`,
  );
  assertStringIncludes(declined.stdout, "nothing was changed");
  assert(await dir.exists("data/tree/a"));
  assertEquals((await ask("y\n")).code, 0);
  assert(!await dir.exists("data/tree"));
});

const wrong: [what: string, args: (place: (path: string) => string) => string[], code: number, said: RegExp][] = [
  ["a local path", () => ["ls", "/tmp"], 64, /names a path of this machine\. Write host:\/module\/path\.$/],
  ["no module", (place) => ["ls", place("")], 64, /names no module/],
  ["two paths", (place) => ["du", place("a"), place("b")], 64, /takes one operand, 2 were given$/],
  ["no path", () => ["find"], 64, /needs a path such as host:\/module\/path$/],
  ["a whole module to remove", (place) => ["rm", place("default"), "--yes"], 64, /it is a whole module/],
  [
    "sizes the wrong way round",
    (place) => ["find", place("default"), "--min-size", "2", "--max-size", "1"],
    64,
    /nothing would be left$/,
  ],
  ["an unknown kind", (place) => ["find", place("default"), "--type", "pipe"], 64, /needs "file" or "directory" or/],
  ["a module that is not there", (place) => ["ls", place("none")], 1, /^blit: Cannot find the module "none"$/],
  [
    "a path that is not there",
    (place) => ["ls", place("default/none")],
    1,
    /^blit: Cannot list "default\/none": no such file or directory$/,
  ],
  [
    "a host that is not there",
    () => ["modules", "nowhere.invalid"],
    1,
    /^blit: Cannot find the host "nowhere\.invalid": /,
  ],
  [
    "a port where nobody listens",
    () => ["modules", "127.0.0.1:9"],
    1,
    /^blit: Cannot (reach|talk to) (a|the) daemon at 127\.0\.0\.1:9: /,
  ],
];

Deno.test("what is wrong with a question is one line and the right exit code", async (t) => {
  await using dir = await testDirectory();
  await dir.write({ "data/a": "" });
  await using daemon = await startDaemon(dir, { root: "data" });
  for (const [what, args, code, said] of wrong) {
    await t.step(what, async () => {
      const result = await blit(args((path) => daemon.place(path)));
      assertEquals([result.code, result.stdout], [code, ""], result.stderr);
      assertMatch(result.stderr.trimEnd(), said);
      assertEquals(result.stderr.trimEnd().split("\n").length, 1);
    });
  }
});

Deno.test("a web proxy in the environment is not asked", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: "." });
  const proxy = "http://127.0.0.1:9";
  const env = { http_proxy: proxy, HTTP_PROXY: proxy, ALL_PROXY: proxy, all_proxy: proxy };
  const result = await blit(["modules", daemon.host], { env });
  assertEquals([result.code, result.stdout], [0, "default  read-write\n"], result.stderr);
});

Deno.test("a name that is also a local one is warned of", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/x": "" });
  await using daemon = await startDaemon(dir, { root: "data" });
  await dir.write({ [`here/${daemon.host}:/default/x`]: "" });
  const result = await blit(["ls", daemon.place("default/x")], { cwd: dir.at("here") });
  assertEquals([result.code, result.stdout], [0, "x\n"]);
  assertMatch(result.stderr, /^blit: ".*" is taken as a place on another machine; .* write "\.\/.*"\n$/);
});

Deno.test("a server that is no blit daemon is told apart", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("hello", { status: 404 }),
  );
  const result = await blit(["modules", `127.0.0.1:${server.addr.port}`]);
  await server.shutdown();
  assertEquals([result.code, result.stdout], [1, ""]);
  assertMatch(result.stderr, /^blit: Cannot use the daemon at .*: it is too old for this, or no blit daemon\n$/);
});
