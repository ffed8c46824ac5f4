/**
 * A client that sends names which lead elsewhere, in every field that carries one, in every call. The fields are read from the
 * protocol's own description: one that is added to it fails here until it is said what it is.
 */

import { assert, assertEquals } from "@std/assert";
import { create, type DescField, type DescMessage, type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { pathToBytes } from "../../lib/base/path_bytes.ts";
import { openControlChannel } from "../../lib/carrier/control.ts";
import { MessageStream } from "../../lib/carrier/message_stream.ts";
import { machineId } from "../../lib/tune/machine.ts";
import { AdminService } from "../../lib/wire/gen/blit/v1/admin_pb.ts";
import {
  Direction,
  type TransferRequest,
  TransferRequestSchema,
  TransferService,
} from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { startDaemon } from "../support/daemon.ts";
import { testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";

const long = "x".repeat(256);
const paths = [
  "..",
  "../outside",
  "a/../../outside",
  "/etc",
  "a//b",
  "a/",
  "/",
  ".",
  "./a",
  "a\0b",
  `a/${long}`,
  "a/".repeat(40_000),
];
const names = ["", ".", "..", "../outside/secret", "/etc/passwd", "a/b", "a/", "/", "a\0b", long];

/** What must not get through, by what a field is. */
const wrong = {
  path: paths,
  name: names,
  prefix: ["a", "/", "//", "../", "./", "a/b/", "../outside/", "a\0/", `${long}/`],
  text: ["a\0b", "x".repeat(70_000)],
  typed: ["/default/../x", "/default/../outside/", "/default/a//b", "/default/a\0b", `/default/${"a/".repeat(40_000)}`],
  module: ["", "..", "default/..", "default\0", "../outside", "x".repeat(10_000)],
  /** Checked elsewhere: what a source says (hostile_source_test.ts), and the bytes of lanes (native/lane_test.c). */
  content: [],
  /** Told to people, or one of a few words; never a name that is looked up. */
  words: [],
};

const fields: Record<string, keyof typeof wrong> = {
  "ListRequest.module": "module",
  "ListRequest.path": "path",
  "FindRequest.module": "module",
  "FindRequest.path": "path",
  "FindRequest.names": "text",
  "DiskUsageRequest.module": "module",
  "DiskUsageRequest.path": "path",
  "FileSystemStatsRequest.module": "module",
  "FileSystemStatsRequest.path": "path",
  "RemoveRequest.module": "module",
  "RemoveRequest.path": "path",
  "CompletePathRequest.prefix": "typed",
  "LocateRequest.module": "module",
  "LocateRequest.path": "path",
  "Open.module": "module",
  "Open.path": "path",
  "Open.filter_prefix": "prefix",
  "Open.required_features": "words",
  "NamedEntry.source": "name",
  "NamedEntry.destination": "name",
  "Job.verb": "words",
  "Job.compare": "words",
  "Job.congestion_control": "words",
  "Job.files_from": "text",
  "Job.backup_directory": "path",
  "FilterRule.pattern": "text",
  "FetchRequest.source_host": "words",
  "FetchRequest.source_module": "module",
  "FetchRequest.source_path": "path",
  "ListSource.name": "name",
  "RootPlace.machine": "words",
  "RootPlace.name": "name",
  "Pack.words": "content",
  "Range.held": "content",
  "LaneData.data": "content",
  "Listed.entries": "content",
  "Listed.directory": "content",
  "Opened.record": "content",
  "Summary.status": "words",
  "Summary.route": "words",
  "Summary.route_reason": "words",
  "Summary.bottleneck": "words",
  "Summary.bytes_by_method": "words",
  "Summary.notices": "words",
  "Failure.path": "words",
  "Failure.code": "words",
  "Failure.message": "words",
};

const textual = [ScalarType.BYTES, ScalarType.STRING];
const methods: DescMethod[] = [...AdminService.methods, ...TransferService.methods];

/** The ways to every field of bytes or text in a message. */
function waysIn(message: DescMessage, above: DescField[] = []): DescField[][] {
  return message.fields.flatMap((field) => {
    const way = [...above, field];
    if ("message" in field && field.message !== undefined) {
      return above.some(({ parent }) => parent === field.message) ? [] : waysIn(field.message, way);
    }
    const scalar = field.fieldKind === "map" ? field.mapKey : "scalar" in field ? field.scalar : undefined;
    return textual.includes(scalar as ScalarType) ? [way] : [];
  });
}

function idOf(way: DescField[]): string {
  const field = way.at(-1)!;
  return `${field.parent.name}.${field.name}`;
}

const bytes = (text: string) => pathToBytes(text);

/** Requests that would be carried out. */
const job = { verb: "copy", compare: "quick" };
const open = { protocolMajor: 1, direction: Direction.PUSH, module: "default", job };
// deno-lint-ignore no-explicit-any
const bases: Record<string, any> = {
  Open: open,
  Job: job,
  NamedEntry: { source: bytes("a"), destination: bytes("a") },
  FetchRequest: { open, sourceHost: "127.0.0.1", sourcePort: 9, sourceModule: "m" },
  SourceRequest: { id: 1 },
  ListSource: { facts: true },
  RootPlace: { machine: machineId() },
};

function request(message: DescMessage, way: DescField[], value: Uint8Array | string): Record<string, unknown> {
  const [field, ...rest] = way;
  const base = bases[message.name] ??
    (message.fields.some(({ name }) => name === "module") ? { module: "default" } : {});
  const single = rest.length === 0 ? value : request((field as { message: DescMessage }).message, rest, value);
  const whole = field.fieldKind === "list" ? [single] : single;
  return {
    ...base,
    ...(field.oneof
      ? { [field.oneof.localName]: { case: field.localName, value: whole } }
      : { [field.localName]: whole }),
  };
}

/** Makes the call to its end. */
async function call(method: DescMethod, message: Record<string, unknown>, port: number): Promise<void> {
  using channel = openControlChannel({ host: "127.0.0.1", port });
  // deno-lint-ignore no-explicit-any
  const client = createClient(method.parent, channel.transport) as any;
  if (method.methodKind !== "bidi_streaming") {
    const answer = client[method.localName](message);
    return method.methodKind === "unary" ? void await answer : void await Array.fromAsync(answer);
  }
  const out = new MessageStream<TransferRequest>();
  // deno-lint-ignore no-explicit-any
  const send = (value: any) => void out.send(create(TransferRequestSchema, value));
  // deno-lint-ignore no-explicit-any
  if ((message as any).message.case !== "open") {
    send({ message: { case: "open", value: { ...open, direction: Direction.PULL } } });
  }
  send(message);
  const reading = Array.fromAsync(client[method.localName](out));
  try {
    await reading;
  } finally {
    out.end();
  }
}

Deno.test("of every field that a client sends it is known whether it names something", () => {
  const found = new Set(methods.flatMap(({ input }) => waysIn(input)).map(idOf));
  assertEquals([...found].filter((id) => !(id in fields)), [], "say in this file what these are");
  assertEquals(Object.keys(fields).filter((id) => !found.has(id)), [], "these are not there any more");
});

testNeeding(
  [linux],
  "a name that leads elsewhere is refused in every field of every call, and nothing is touched",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "data/a": "1", "outside/secret": "s" });
    const config = `allow_daemons = ["127.0.0.1"]\n[[modules]]\nname = "default"\npath = "$DIR/data"\n`;
    await using daemon = await startDaemon(dir, { config });
    const before = await dir.snapshot();
    let refused = 0;
    for (const method of methods) {
      for (const way of waysIn(method.input)) {
        const kind = fields[idOf(way)];
        for (const text of wrong[kind]) {
          const isText = (way.at(-1) as { scalar: ScalarType }).scalar === ScalarType.STRING;
          const message = request(method.input, way, isText ? text : bytes(text));
          const what = `${method.name} with ${idOf(way)} ${JSON.stringify(text.slice(0, 40))}`;
          const failure = await call(method, message, daemon.port).then(() => undefined, (error) => error);
          assert(failure instanceof ConnectError, `${what}: ${failure ?? "was carried out"}`);
          const codes = kind === "module" ? [Code.InvalidArgument, Code.NotFound] : [Code.InvalidArgument];
          assert(codes.includes(failure.code), `${what}: ${failure.message}`);
          refused++;
        }
      }
    }
    assert(refused > 250, `${refused}`);
    assertEquals(await dir.snapshot(), before);
    assertEquals(daemon.events("call").filter(({ code }) => code === "ok"), []);
  },
);
