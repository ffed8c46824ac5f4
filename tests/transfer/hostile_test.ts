/** What a client that means harm, or is broken, can do to a daemon: get an error. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import fc from "fast-check";
import { openControlChannel } from "../../lib/carrier/control.ts";
import { MessageStream } from "../../lib/carrier/message_stream.ts";
import {
  Direction,
  OpenSchema,
  type TransferRequest,
  TransferRequestSchema,
  type TransferResponse,
  TransferService,
} from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit, until } from "../support/program.ts";

type OpenFields = Omit<Exclude<MessageInitShape<typeof OpenSchema>, { $unknown?: unknown }>, "$typeName">;

const encode = (text: string) => new TextEncoder().encode(text);

/** One transfer, message by message. */
class RawTransfer implements Disposable {
  readonly #out = new MessageStream<TransferRequest>();
  readonly #channel;
  readonly #answers: AsyncIterator<TransferResponse>;

  constructor(daemon: TestDaemon) {
    this.#channel = openControlChannel({ host: "127.0.0.1", port: daemon.port });
    const client = createClient(TransferService, this.#channel.transport);
    this.#answers = client.transfer(this.#out)[Symbol.asyncIterator]();
  }

  send(message: MessageInitShape<typeof TransferRequestSchema>["message"]): void {
    void this.#out.send(create(TransferRequestSchema, { message }));
  }

  open(fields: OpenFields): void {
    const value = {
      protocolMajor: 1,
      direction: Direction.PUSH,
      module: "default",
      job: { verb: "copy", compare: "quick" },
    };
    this.send({ case: "open", value: create(OpenSchema, { ...value, ...fields }) });
  }

  async next(): Promise<TransferResponse["message"] | undefined> {
    const { done, value } = await this.#answers.next();
    return done ? undefined : value.message;
  }

  /** Reads until the stream ends; the error it ends with. */
  async failure(): Promise<ConnectError> {
    for (;;) {
      try {
        if (await this.next() === undefined) throw new Error("The transfer ended without an error");
      } catch (error) {
        if (error instanceof ConnectError) return error;
        throw error;
      }
    }
  }

  end(): void {
    this.#out.end();
  }

  [Symbol.dispose](): void {
    this.#out.end();
    this.#channel[Symbol.dispose]();
  }
}

async function scene(config = ""): Promise<{ dir: TestDirectory; daemon: TestDaemon } & AsyncDisposable> {
  const dir = await testDirectory();
  await dir.write({ "mod/file": "x", "mod/out": { to: "../outside" }, "outside/secret": "s" });
  const modules =
    `[[modules]]\nname = "default"\npath = "$DIR/mod"\n[[modules]]\nname = "ro"\npath = "$DIR/mod"\nread_only = true\n`;
  const daemon = await startDaemon(dir, { config: config + modules });
  return {
    dir,
    daemon,
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** What Open may say wrong, and what comes of it. */
const wrongOpens: [string, OpenFields, Code, RegExp][] = [
  [
    "another major version",
    { protocolMajor: 9 },
    Code.FailedPrecondition,
    /client speaks protocol 9\.0, this daemon 1\.1/,
  ],
  [
    "a feature that is not there",
    { requiredFeatures: ["rdma"] },
    Code.FailedPrecondition,
    /needs rdma, this daemon has lanes/,
  ],
  ["no direction", { direction: Direction.UNSPECIFIED }, Code.InvalidArgument, /no direction/],
  ["no job", { job: undefined }, Code.InvalidArgument, /no job/],
  ["a job of another kind", { job: { verb: "format" } }, Code.InvalidArgument, /a verb that is not known/],
  ["a module that is not there", { module: "nothing" }, Code.NotFound, /Cannot find the module "nothing"/],
  ["a path that leads up", { path: encode("../outside") }, Code.InvalidArgument, /"\.\." is not allowed/],
  ["an absolute path", { path: encode("/etc") }, Code.InvalidArgument, /must be relative/],
  ["a path through a symlink", { path: encode("out/sub") }, Code.FailedPrecondition, /symbolic link/],
  ["a path that is a symlink", { path: encode("out") }, Code.FailedPrecondition, /symbolic link/],
  ["a change in a read-only module", { module: "ro" }, Code.FailedPrecondition, /it is read-only/],
  [
    "a pull of nothing",
    { direction: Direction.PULL, path: encode("nothing") },
    Code.NotFound,
    /Cannot find "default\/nothing"/,
  ],
  [
    "a backup directory outside",
    { job: { verb: "copy", compare: "quick", backupDirectory: encode("../outside") } },
    Code.InvalidArgument,
    /"\.\." is not allowed/,
  ],
];

for (const [what, fields, code, said] of wrongOpens) {
  testNeeding([linux], `a transfer that opens with ${what} is refused`, async () => {
    await using place = await scene();
    using transfer = new RawTransfer(place.daemon);
    transfer.open(fields);
    const failure = await transfer.failure();
    assertEquals(failure.code, code);
    assertMatch(failure.rawMessage, said);
    assertEquals(await place.dir.names("outside"), ["secret"]);
  });
}

testNeeding(
  [linux],
  "a dry run is refused by a read-only module where the real run is, and a check is not",
  async () => {
    await using place = await scene();
    const ro = place.daemon.place("ro/");
    await place.dir.write({ "mine": "m" });
    for (
      const words of [["copy", place.dir.at("mine"), ro], ["move", place.daemon.place("ro/file"), place.dir.at("new")]]
    ) {
      const result = await blit([...words, "-n"]);
      assertExit(result, 1);
      assertMatch(result.stderr, /it is read-only/);
    }
    assertExit(await blit(["check", place.dir.at("mine"), ro]), 2);
  },
);

testNeeding([linux], "a move out of a read-only module is refused before anything is sent", async () => {
  await using place = await scene();
  const result = await blit(["move", place.daemon.place("ro/file"), place.dir.at("here")]);
  assertExit(result, 1);
  assertMatch(result.stderr, /it is read-only/);
  assertEquals(await place.dir.exists("here"), false);
});

async function dataPort(transfer: RawTransfer): Promise<{ port: number; token: Uint8Array }> {
  const first = await transfer.next();
  if (first?.case !== "accept") throw new Error("The transfer was not accepted");
  const { tcpPort, oneTimeToken } = first.value.dataTransfer!;
  return { port: tcpPort, token: oneTimeToken };
}

/** Whether the daemon closes a connection that sends these bytes. */
async function isTurnedAway(port: number, bytes: Uint8Array): Promise<boolean> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await connection.write(bytes);
    const answer = new Uint8Array(1);
    return await connection.read(answer).then((read) => read === null, () => true);
  } finally {
    connection.close();
  }
}

testNeeding([linux], "lanes without the transfer's token are closed without a word, counted and logged", async () => {
  await using place = await scene("[limits]\nfirst_byte_seconds = 1\n");
  using transfer = new RawTransfer(place.daemon);
  transfer.open({});
  const { port, token } = await dataPort(transfer);
  const wrong = token.slice();
  wrong[31] ^= 1;
  assert(await isTurnedAway(port, wrong));
  assert(await isTurnedAway(port, encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n......")));
  assert(await isTurnedAway(port, new Uint8Array(3)));
  const reasons = (await Promise.all([1, 2, 3].map((count) => place.daemon.event("lane_refused", count)))).map(
    ({ reason }) => reason,
  );
  assertEquals(reasons, ["a wrong token", "a wrong token", "no token in time"]);
  transfer.end();
  await until(() => place.daemon.events("call").length > 0, "the transfer to end");
  assert(await isTurnedAway(port, token), "a token of a transfer that is over");
});

testNeeding([linux], "a transfer has no more lanes than the configuration allows", async () => {
  await using place = await scene("[limits]\nlanes = 2\n");
  using transfer = new RawTransfer(place.daemon);
  transfer.open({});
  const { port, token } = await dataPort(transfer);
  const lanes = [];
  for (let i = 0; i < 2; i++) {
    lanes.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    await lanes[i].write(token);
  }
  await until(async () => await isTurnedAway(port, token), "the third lane to be turned away");
  for (const lane of lanes) lane.close();
});

/** Requests of a destination as they come, mostly about things that are not there. */
const anyRequest = fc.oneof(
  fc.record({
    dir: fc.nat(3),
    parentBatch: fc.nat(3),
    index: fc.nat(5),
    parent: fc.nat(3),
    more: fc.boolean(),
    facts: fc.boolean(),
  })
    .map((value) => ({ case: "list" as const, value })),
  fc.record({ dir: fc.nat(3), batch: fc.nat(3), words: fc.uint8Array({ maxLength: 64 }), takeLinked: fc.boolean() })
    .map((value) => ({ case: "pack" as const, value })),
  fc.record({ dir: fc.nat(3), batch: fc.nat(3), index: fc.nat(5) }).map((value) => ({ case: "open" as const, value })),
  fc.record({ handle: fc.bigInt(0n, 3n), offset: fc.bigInt(0n, 1n << 62n), length: fc.bigInt(0n, 1n << 62n) })
    .map((value) => ({ case: "range" as const, value })),
  fc.record({ handle: fc.bigInt(0n, 3n), commit: fc.boolean() }).map((value) => ({ case: "finish" as const, value })),
  fc.record({ dir: fc.nat(3), batch: fc.nat(3), indices: fc.array(fc.nat(5), { maxLength: 4 }) })
    .map((value) => ({ case: "forget" as const, value })),
  fc.record({ dir: fc.nat(3), remove: fc.boolean(), drop: fc.boolean() }).map((value) => ({
    case: "leave" as const,
    value,
  })),
  fc.record({ batches: fc.array(fc.nat(3), { maxLength: 3 }) }).map((value) => ({ case: "release" as const, value })),
);

testNeeding(
  [linux],
  "a source survives whatever a destination asks, and removes nothing that is not its job",
  async () => {
    await using place = await scene();
    await place.dir.write({ "mod/sub/a": "1", "mod/sub/b": "2" });
    const before = await place.dir.snapshot("mod");
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, { minLength: 70, maxLength: 120 }), async (requests) => {
        using transfer = new RawTransfer(place.daemon);
        transfer.open({ direction: Direction.PULL });
        assert((await transfer.next())?.case === "accept");
        transfer.send({
          case: "requests",
          value: { requests: [{ id: 1, request: { case: "list", value: { dir: 0, facts: true } } }] },
        });
        requests.forEach((request, i) => {
          transfer.send({ case: "requests", value: { requests: [{ id: i + 2, request }] } });
        });
        asked += requests.length;
        transfer.send({ case: "finished", value: {} });
        try {
          while (await transfer.next() !== undefined);
        } catch (error) {
          assert(error instanceof ConnectError && error.code === Code.InvalidArgument, String(error));
        }
      }),
      { numRuns: 150 },
    );
    assert(asked >= 10_000);
    assertEquals(await place.dir.snapshot("mod"), before);
    assertExit(await blit(["copy", place.daemon.place("default/file"), place.dir.at("copy")]), 0);
  },
);

/** Answers of a source that make no sense. */
const anyAnswer = fc.record({
  id: fc.nat(4),
  answer: fc.oneof(
    fc.record({
      batch: fc.nat(3),
      entries: fc.uint8Array({ maxLength: 300 }),
      more: fc.boolean(),
      directory: fc.uint8Array({ maxLength: 200 }),
    })
      .map((value) => ({ case: "listed" as const, value })),
    fc.record({
      handle: fc.bigInt(0n, 3n),
      size: fc.bigInt(0n, (1n << 64n) - 1n),
      record: fc.uint8Array({ maxLength: 200 }),
    })
      .map((value) => ({ case: "opened" as const, value })),
    fc.constant({ case: "forgotten" as const, value: {} }),
    fc.constant({ case: "done" as const, value: {} }),
  ),
});

testNeeding([linux], "a destination survives whatever a source answers, and writes nothing outside", async () => {
  await using place = await scene();
  const outside = await place.dir.snapshot("outside");
  await fc.assert(
    fc.asyncProperty(fc.array(anyAnswer, { minLength: 1, maxLength: 40 }), async (answers) => {
      using transfer = new RawTransfer(place.daemon);
      transfer.open({ path: encode("dst") });
      assert((await transfer.next())?.case === "accept");
      for (const answer of answers) transfer.send({ case: "answers", value: { answers: [answer] } });
      transfer.end();
      try {
        while (await transfer.next() !== undefined);
      } catch (error) {
        assert(error instanceof ConnectError, String(error));
      }
    }),
    { numRuns: 150 },
  );
  assertEquals(await place.dir.snapshot("outside"), outside);
  assertExit(await blit(["copy", place.dir.at("outside/secret"), place.daemon.place("default/after")]), 0);
});

testNeeding([linux], "a client that calls and says nothing does not hold the daemon up", async () => {
  await using place = await scene();
  using silent = new RawTransfer(place.daemon);
  silent.open({ path: encode("dst") });
  assert((await silent.next())?.case === "accept");
  assertExit(await blit(["copy", place.dir.at("outside/secret"), place.daemon.place("default/after")]), 0);
  await assertRejects(
    async () => {
      using transfer = new RawTransfer(place.daemon);
      transfer.send({ case: "cancel", value: {} });
      while (await transfer.next() !== undefined);
    },
    ConnectError,
    "begins with Open",
  );
});

testNeeding([linux], "a client that waits for ever does not keep its session when nothing moves", async () => {
  await using place = await scene("[limits]\nstall_seconds = 1\n");
  using transfer = new RawTransfer(place.daemon);
  transfer.open({ path: encode("dst"), job: { verb: "copy", compare: "quick", stallTimeoutMs: 0n } });
  for (let message = await transfer.next(); message !== undefined; message = await transfer.next()) {
    if (message.case !== "finished") continue;
    const { outcome } = message.value;
    return void assertMatch(outcome.case === "error" ? outcome.value.message : "", /no progress for 1 s/);
  }
  throw new Error("The transfer ended without a word");
});
