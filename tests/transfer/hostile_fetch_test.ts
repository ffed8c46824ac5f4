/** What a client that means harm can tell a daemon to fetch: only what is in its module, under the names that it says. */

import { assert, assertEquals } from "@std/assert";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { pathToBytes } from "../../lib/base/path_bytes.ts";
import { openControlChannel } from "../../lib/carrier/control.ts";
import { type FetchResponse, TransferService } from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";

/** A daemon that fetches from itself: module "from" into module "to". */
async function scene(): Promise<{ dir: TestDirectory; daemon: TestDaemon } & AsyncDisposable> {
  const dir = await testDirectory();
  await dir.write({ "from/X": "content", "to/here": "1", "outside/X": "content", "outside/other": "different size" });
  for (const name of ["from/X", "outside/X"]) await dir.setTime(name, 1000);
  const modules = ["from", "to"].map((name) => `[[modules]]\nname = "${name}"\npath = "$DIR/${name}"\n`);
  const daemon = await startDaemon(dir, { config: `allow_daemons = ["127.0.0.1"]\n${modules.join("")}` });
  return {
    dir,
    daemon,
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** How the fetch of "X" under that name ended, or the error. */
async function fetchAs(daemon: TestDaemon, verb: string, destination: string): Promise<string | ConnectError> {
  using channel = openControlChannel({ host: "127.0.0.1", port: daemon.port });
  const answers = createClient(TransferService, channel.transport).fetch({
    open: {
      module: "to",
      job: { verb, compare: "quick" },
      entry: { source: pathToBytes("X"), destination: pathToBytes(destination) },
    },
    sourceHost: "127.0.0.1",
    sourcePort: daemon.port,
    sourceModule: "from",
  });
  let last: FetchResponse | undefined;
  try {
    for await (const answer of answers) last = answer;
  } catch (error) {
    return error as ConnectError;
  }
  const outcome = last?.message.case === "finished" ? last.message.value.outcome : undefined;
  return outcome?.case === "summary" ? outcome.value.status : "failed";
}

const probes: [what: string, verb: string, destination: string][] = [
  ["to ask whether an outside file is there and the same", "check", "../outside/X"],
  ["to ask whether an outside file is there and another", "check", "../outside/other"],
  ["to ask whether something outside is there at all", "check", "../outside/none"],
  ["to ask whether a directory is there", "check", ".."],
  ["to move onto an outside file that is the same", "move", "../outside/X"],
  ["to write to an absolute place", "copy", "/tmp/blit-outside-X"],
  ["to write a name with a NUL", "copy", "a\0b"],
  ["to write a name of nothing", "copy", ""],
  ["to write through a directory", "copy", "sub/X"],
];

for (const [what, verb, destination] of probes) {
  testNeeding([linux], `a fetch cannot be used ${what}`, async () => {
    await using place = await scene();
    const before = await place.dir.snapshot();
    const answer = await fetchAs(place.daemon, verb, destination);
    if (!(answer instanceof ConnectError)) throw new Error(`The fetch ended "${answer}"`);
    assertEquals(answer.code, Code.InvalidArgument);
    assert(answer.rawMessage.startsWith("Cannot use the name"), answer.rawMessage);
    assertEquals(await place.dir.snapshot(), before);
  });
}

testNeeding([linux], "a mirror under another name makes way for that name, not for the source's", async () => {
  await using place = await scene();
  await place.dir.write({ "to/dir/old": "goes", "to/X/kept": "stays" });
  assertEquals(await fetchAs(place.daemon, "mirror", "dir"), "ok");
  assertEquals(await place.dir.names("to"), ["X", "X/kept", "dir", "here"]);
  assertEquals(await place.dir.read("to/dir"), "content");
});
