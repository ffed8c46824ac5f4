import { assert, assertEquals, assertRejects } from "@std/assert";
import { pathFromBytes, pathToBytes } from "../../lib/base/path_bytes.ts";
import { BlitError } from "../../lib/base/errors.ts";
import { listBeneath, lookBeneath, reasonOf, removeBeneath, spaceBeneath } from "../../lib/native/beneath.ts";
import { Kind } from "../../lib/model/entry.ts";
import { openSockets, shutSockets } from "../../lib/native/sockets.ts";
import { testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";

async function names(root: string, path: string, namesOnly = false): Promise<string[]> {
  const found: string[] = [];
  for await (const entries of listBeneath(root, path, namesOnly)) {
    found.push(...entries.map(({ name }) => pathFromBytes(name)));
  }
  return found.sort();
}

/** Descriptors of this process that are open on the path; other tests have theirs. */
function openOn(path: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  }).length;
}

Deno.test("a directory that does not fit into one piece is listed completely, each entry once", async () => {
  await using dir = await testDirectory();
  await dir.write({ many: null });
  const expected = Array.from({ length: 2500 }, (_, index) => `${index}-${"x".repeat(index % 200)}`).sort();
  for (const name of expected) Deno.writeTextFileSync(dir.at(`many/${name}`), "");
  assertEquals(await names(dir.path, "many"), expected);
  assertEquals(await names(dir.path, "many", true), expected);
});

testNeeding([linux], "a listing that is given up early leaves no descriptor open", async () => {
  await using dir = await testDirectory();
  await dir.write({ many: null });
  for (let index = 0; index < 2000; index++) Deno.writeTextFileSync(dir.at(`many/${index}`), "");
  for (let round = 0; round < 5; round++) {
    for await (const entries of listBeneath(dir.path, "many")) {
      assert(entries.length < 2000);
      assertEquals(openOn(dir.at("many")), 1);
      break;
    }
  }
  assertEquals(openOn(dir.at("many")), 0);
});

Deno.test("errors name the action, the path and the errno, and nothing of the root", async () => {
  await using dir = await testDirectory();
  await dir.write({ file: "", link: { to: "/etc" } });
  const cases: [call: () => Promise<unknown>, message: string, code: string][] = [
    [() => lookBeneath(dir.path, "a/b"), 'Cannot look at "a/b": no such file or directory', "ENOENT"],
    [() => names(dir.path, "file"), 'Cannot list "file": not a directory', "ENOTDIR"],
    [
      () => names(dir.path, "link/ssl"),
      'Cannot list "link/ssl": a symbolic link stands where a directory is expected',
      "ELOOP",
    ],
    [() => spaceBeneath(dir.path, ".."), 'Cannot measure "..": invalid argument', "EINVAL"],
    [() => removeBeneath(dir.path, "none", [], "others"), 'Cannot open "none": no such file or directory', "ENOENT"],
  ];
  for (const [call, message, code] of cases) {
    const error = await assertRejects(call, BlitError);
    assertEquals([error.message, reasonOf(error)?.code], [message, code]);
  }
  assertEquals(reasonOf(new Error("x")), undefined);
});

Deno.test("each name of a removal has its own answer", async () => {
  await using dir = await testDirectory();
  await dir.write({ "d/a": "", "d/full/x": "", "d/empty": null });
  const answers = await removeBeneath(dir.path, "d", ["a", "none", "full"].map(pathToBytes), "others");
  assertEquals(answers.map((answer) => answer?.code), [undefined, "ENOENT", "EISDIR"]);
  const directories = await removeBeneath(dir.path, "d", ["full", "empty"].map(pathToBytes), "directories");
  assertEquals(directories.map((answer) => answer?.words), ["directory not empty", undefined]);
  assertEquals(await dir.names("d"), ["full", "full/x"]);
});

Deno.test("facts are those of the entry, not of what a symlink names", async () => {
  await using dir = await testDirectory();
  await dir.write({ link: { to: "nowhere" } });
  const link = await lookBeneath(dir.path, "link");
  assertEquals([link.kind, pathFromBytes(link.target), pathFromBytes(link.name)], [Kind.Symlink, "nowhere", "link"]);
  const root = await lookBeneath(dir.path, "");
  assertEquals([root.kind, root.name.length], [Kind.Directory, 0]);
});

Deno.test("connections are found by their port and can be shut", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(openSockets(port), []);
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using _server = await listener.accept();
  const found = openSockets(port);
  assertEquals(found.map(({ peerPort }) => peerPort), [(client.localAddr as Deno.NetAddr).port]);
  assertEquals(found[0].peerAddress.toHex(), "00000000000000000000ffff7f000001");
  assertEquals(shutSockets(found), 1);
  assertEquals(await client.read(new Uint8Array(1)), null);
});
