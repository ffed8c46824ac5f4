import { assertEquals, assertThrows } from "@std/assert";
import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { Kind } from "../../lib/model/entry.ts";
import { ListRequestSchema, ListResponseSchema } from "../../lib/wire/gen/blit/v1/admin_pb.ts";
import { EntryKind, EntrySchema } from "../../lib/wire/gen/blit/v1/entry_pb.ts";

Deno.test("kinds have the same numbers on the wire and in the shim", () => {
  assertEquals([
    EntryKind.UNSPECIFIED,
    EntryKind.FILE,
    EntryKind.SYMLINK,
    EntryKind.FIFO,
    EntryKind.SOCKET,
    EntryKind.CHAR_DEVICE,
    EntryKind.BLOCK_DEVICE,
    EntryKind.DIRECTORY,
  ] as number[], Object.values(Kind));
});

Deno.test("any path survives both encodings", () => {
  fc.assert(fc.property(fc.uint8Array(), (path) => {
    const message = create(ListRequestSchema, { module: "m", path });
    assertEquals(fromBinary(ListRequestSchema, toBinary(ListRequestSchema, message)).path, path);
    assertEquals(fromJson(ListRequestSchema, toJson(ListRequestSchema, message)).path, path);
  }));
});

Deno.test("any facts of an entry survive", () => {
  const entry = fc.record({
    size: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    modifiedSeconds: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    modifiedNanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    userId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });
  fc.assert(fc.property(entry, (facts) => {
    const message = create(EntrySchema, facts);
    assertEquals(fromBinary(EntrySchema, toBinary(EntrySchema, message)), message);
  }));
});

Deno.test("a message that is cut or full of garbage is refused, or read as far as it goes; it never breaks anything", () => {
  const entries = Array.from(
    { length: 20 },
    (_, index) => create(EntrySchema, { path: new Uint8Array(index), size: 7n }),
  );
  const bytes = toBinary(ListResponseSchema, create(ListResponseSchema, { entries }));
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
    const broken = bytes.slice();
    broken[at] = value;
    for (const part of [broken, bytes.subarray(0, at)]) {
      try {
        fromBinary(ListResponseSchema, part);
      } catch (error) {
        assertEquals(error instanceof Error, true);
      }
    }
  }));
  assertThrows(() => fromBinary(ListResponseSchema, bytes.subarray(0, bytes.length - 1)));
});
