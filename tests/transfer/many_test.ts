/** Many transfers at once: all of them get on, whatever some of them wait for, and the daemon answers meanwhile. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import type { Inputs } from "../../lib/args/lists.ts";
import { parseArguments } from "../../lib/args/parse.ts";
import { resolveJob } from "../../lib/args/resolve.ts";
import { pathToBytes } from "../../lib/base/path_bytes.ts";
import { type ControlChannel, openControlChannel } from "../../lib/carrier/control.ts";
import { MessageStream } from "../../lib/carrier/message_stream.ts";
import type { Summary } from "../../lib/model/event.ts";
import { startTransfer } from "../../lib/session/transfer_client.ts";
import {
  Direction,
  type TransferRequest,
  TransferRequestSchema,
  TransferService,
} from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { jobToWire } from "../../lib/wire/job_codec.ts";
import { protocolVersion } from "../../lib/wire/protocol.ts";
import { create } from "@bufbuild/protobuf";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit, until } from "../support/program.ts";

/** A test that hangs is over after this; what it does takes seconds. */
const hangMs = 120_000;
/** Travels in slices. */
const largeBytes = 5 << 20;

/** The client is this process: hundreds of processes would take minutes. */
function copy(from: string, to: string, ...options: string[]): Promise<Summary> {
  const { job } = resolveJob("copy", parseArguments(["copy", from, to, ...options]), {} as Inputs);
  return startTransfer(job, () => {}).done;
}

async function withinLimit<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`It hangs: not done after ${hangMs / 1000} s`)), hangMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A large file in one tree, small ones in the other. */
async function makeSources(dir: TestDirectory): Promise<void> {
  const large = new Uint8Array(largeBytes);
  for (let at = 0; at < largeBytes; at += 65_536) crypto.getRandomValues(large.subarray(at, at + 65_536));
  await dir.write({ "m/large/file": large });
  for (let i = 0; i < 12; i++) await dir.write({ [`m/small/${i % 3}/${i}`]: `content of ${i}` });
}

/** What each of the trees holds is what the source holds. */
async function assertCopies(dir: TestDirectory, copies: readonly { source: string; copied: string }[]): Promise<void> {
  const entries = [...(await dir.snapshot()).entries()].sort(([a], [b]) => a < b ? -1 : 1);
  const below = (root: string) =>
    entries.filter(([path]) => path.startsWith(`${root}/`))
      .map(([path, { type, mode, size, mtimeNs, hash }]) => [path.slice(root.length), type, mode, size, mtimeNs, hash]);
  for (const { source, copied } of copies) assertEquals(below(copied), below(source));
}

/** Until the work is done, one `ls` after the other is answered; how many. */
async function listMeanwhile(daemon: TestDaemon, work: Promise<unknown>): Promise<number> {
  let [over, count] = [false, 0];
  const end = () => void (over = true);
  work.then(end, end);
  const client = daemon.client();
  while (!over) {
    for await (const _ of client.list({ module: "default" }));
    count++;
  }
  return count;
}

testNeeding([linux], "64 pushes and 64 pulls at once all arrive whole, and ls is answered meanwhile", async () => {
  await using dir = await testDirectory();
  await makeSources(dir);
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nsessions = 200\n[[modules]]\nname = "default"\npath = "$DIR/m"\n',
  });
  const trees = Array.from({ length: 64 }, (_, i) => [i, i % 2 === 0 ? "large" : "small"] as const);
  const transfers = Promise.all(trees.flatMap(([i, tree]) => [
    copy(`${dir.at("m")}/${tree}/`, daemon.place(`default/pushed${i}/`)),
    copy(daemon.place(`default/${tree}/`), dir.at(`pulled${i}`)),
  ]));
  const [summaries, lists] = await withinLimit(Promise.all([transfers, listMeanwhile(daemon, transfers)]));
  assertEquals(new Set(summaries.map(({ status }) => status)), new Set(["ok"]));
  assert(lists > 0);
  await assertCopies(
    dir,
    trees.flatMap(([i, tree]) => [`m/pushed${i}`, `pulled${i}`].map((copied) => ({ source: `m/${tree}`, copied }))),
  );
});

interface IdleTransfer extends Disposable {
  readonly lanesMax: number;
}

/** A client that opens a transfer, wants many threads, and never says anything again. */
async function openIdle(daemon: TestDaemon, direction: Direction, path: string): Promise<IdleTransfer> {
  const { job } = resolveJob("copy", parseArguments(["copy", "a", "b"]), {} as Inputs);
  const channel: ControlChannel = openControlChannel({ host: "127.0.0.1", port: daemon.port });
  const out = new MessageStream<TransferRequest>();
  const { major, minor } = protocolVersion;
  const open = {
    ...{ protocolMajor: major, protocolMinor: minor, direction, module: "default", path: pathToBytes(path) },
    job: { ...jobToWire(job), workers: 64 },
  };
  void out.send(create(TransferRequestSchema, { message: { case: "open", value: open } } as never));
  const responses = createClient(TransferService, channel.transport).transfer(out)[Symbol.asyncIterator]();
  const { value } = await responses.next();
  assert(value?.message.case === "accept");
  return {
    lanesMax: value.message.value.dataTransfer!.lanesMax,
    [Symbol.dispose]() {
      out.end();
      channel[Symbol.dispose]();
    },
  };
}

testNeeding([linux], "transfers that are opened and say nothing keep nobody from working", async () => {
  await using dir = await testDirectory();
  await makeSources(dir);
  await using daemon = await startDaemon(dir, { root: "m" });
  using idle = new DisposableStack();
  for (let i = 0; i < 25; i++) idle.use(await withinLimit(openIdle(daemon, Direction.PULL, "small")));
  for (let i = 0; i < 25; i++) idle.use(await withinLimit(openIdle(daemon, Direction.PUSH, `idle${i}`)));
  await withinLimit(copy(`${dir.at("m")}/large/`, daemon.place("default/pushed/")));
  await withinLimit(copy(daemon.place("default/small/"), dir.at("pulled"), "--force-inline"));
  await assertCopies(dir, [{ source: "m/large", copied: "m/pushed" }, { source: "m/small", copied: "pulled" }]);
});

/** How many threads of the daemon carry out tasks. */
function workersOf(daemon: TestDaemon): number {
  const tasks = `/proc/${daemon.program.pid}/task`;
  const names = [...Deno.readDirSync(tasks)].map(({ name }) => Deno.readTextFileSync(`${tasks}/${name}/comm`));
  return names.filter((name) => name === "blit worker\n").length;
}

testNeeding([linux], "threads and lanes are bounded over all transfers, and each transfer gets one", async () => {
  await using dir = await testDirectory();
  await makeSources(dir);
  await using daemon = await startDaemon(dir, {
    config:
      '[limits]\nlanes = 8\nlanes_total = 16\nworkers_total = 16\n[[modules]]\nname = "default"\npath = "$DIR/m"\n',
  });
  const before = workersOf(daemon);
  using idle = new DisposableStack();
  const lanes: number[] = [];
  for (let i = 0; i < 8; i++) lanes.push(idle.use(await openIdle(daemon, Direction.PULL, "small")).lanesMax);
  assertEquals(lanes, [8, 4, 2, 1, 1, 1, 1, 1]);
  const workers = 8 + 4 + 2 + 1 + 1 + 1 + 1 + 1;
  await until(() => workersOf(daemon) - before >= workers, "the threads to have their names");
  assertEquals(workersOf(daemon) - before, workers);
  idle.dispose();
  await until(() => workersOf(daemon) === before, "the threads to end");
  await until(async () => {
    using next = await openIdle(daemon, Direction.PULL, "small");
    return next.lanesMax === 8;
  }, "the lanes to be free again");
});

testNeeding([linux], "200 clients at once all get their turn, and those that wait are told so", async () => {
  await using dir = await testDirectory();
  await makeSources(dir);
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nsessions = 6\n[[modules]]\nname = "default"\npath = "$DIR/m"\n',
  });
  const clients = Array.from({ length: 200 }, (_, i) => i);
  const told: string[] = [];
  const transfers = clients.map((i) => copy(`${dir.at("m")}/small/0/`, daemon.place(`default/pushed${i}/`)));
  const summaries = await withinLimit(Promise.all(transfers));
  for (const { status, notices } of summaries) {
    assertEquals(status, "ok");
    told.push(...notices);
  }
  assert(told.length > 0);
  assertMatch(told[0], /^the daemon has its 6 transfers: waiting for a turn/);
  await assertCopies(dir, clients.map((i) => ({ source: "m/small/0", copied: `m/pushed${i}` })));
});

testNeeding([linux], "200 listings at once are all answered", async () => {
  await using dir = await testDirectory();
  await makeSources(dir);
  await using daemon = await startDaemon(dir, {
    config: '[limits]\nsessions = 3\n[[modules]]\nname = "default"\npath = "$DIR/m"\n',
  });
  const clients = Array.from({ length: 10 }, () => daemon.client());
  const listings = Array.from({ length: 200 }, (_, i) => Array.fromAsync(clients[i % 10].list({ module: "default" })));
  for (const answers of await withinLimit(Promise.all(listings))) {
    assertEquals(answers.flatMap(({ entries }) => entries).length, 2);
  }
});

for (const processors of ["16", "64"]) {
  testNeeding([linux], `with ${processors} processors many transfers at once arrive whole`, async () => {
    await using dir = await testDirectory();
    await makeSources(dir);
    const env = { BLIT_CPUS: processors };
    await using daemon = await startDaemon(dir, { root: "m", env });
    const transfers = Array.from({ length: 4 }, (_, i) => [
      blit(["copy", `${dir.at("m")}/large/`, daemon.place(`default/pushed${i}/`)], { env }),
      blit(["copy", daemon.place("default/large/"), dir.at(`pulled${i}`)], { env }),
      blit(["copy", `${dir.at("m")}/small/`, dir.at(`local${i}`)], { env }),
    ]);
    for (const result of await withinLimit(Promise.all(transfers.flat()))) assertExit(result, 0);
    await assertCopies(
      dir,
      transfers.flatMap((_, i) => [
        ...[`m/pushed${i}`, `pulled${i}`].map((copied) => ({ source: "m/large", copied })),
        { source: "m/small", copied: `local${i}` },
      ]),
    );
  });
}
