/** The shim's structures and numbers as the C compiler sees them against what TypeScript takes them for. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Diff, Kind } from "../../lib/model/entry.ts";
import { Action, Lost } from "../../lib/native/engine.ts";
import { engineError, STEP_LIST_SOURCE } from "../../lib/native/errno.ts";
import {
  ABI,
  ACTION_SHIFT,
  Aside,
  ASIDE_ARGS,
  BATCH_HEADER_BYTES,
  CONFIG_BYTES,
  ConfigFlag,
  COUNTERS_BYTES,
  DETAIL_BYTES,
  DetailCode,
  Op,
  RawResult,
  RESULT_BYTES,
  STEP_ATTRIBUTE_MASK,
  STEP_ATTRIBUTE_SHIFT,
  STEP_MASK,
  STEP_PLACED,
  TASK_BYTES,
  TaskFlag,
  writeTask,
} from "../../lib/native/layout.ts";
import { PackedBatch } from "../../lib/native/packed_batch.ts";
import { baseFlags, findCompiler, runCompiler } from "../../native/compiler.ts";
import { linux, type Need, testNeeding } from "../support/needs.ts";

const compiler: Need = { missing: findCompiler() ? undefined : "needs a C compiler" };

interface Facts {
  readonly sizes: Map<string, number>;
  readonly numbers: Map<string, number>;
  readonly errnos: Map<string, number>;
  readonly bytes: Map<string, Uint8Array<ArrayBuffer>>;
}

let probed: Promise<Facts> | undefined;

/** Compiles and runs layout_probe.c, once. */
function facts(): Promise<Facts> {
  probed ??= probe();
  return probed;
}

async function probe(): Promise<Facts> {
  const dir = await Deno.makeTempDir({ prefix: "blit-test-" });
  try {
    const program = `${dir}/probe`;
    const sources = [`${import.meta.dirname}/layout_probe.c`, `${import.meta.dirname}/../../native/batch.c`];
    await runCompiler([...findCompiler()!, ...baseFlags, ...sources, "-o", program]);
    const { success, stdout } = await new Deno.Command(program).output();
    assert(success);
    return parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function parse(output: string): Facts {
  const lines = output.trimEnd().split("\n").map((line) => line.split(" "));
  const numbersOf = (kind: string) =>
    new Map(lines.filter(([k]) => k === kind).map(([, name, n]) => [name, Number(n)]));
  const bytes = lines.filter(([kind]) => kind === "bytes").map(([, name, hex]) =>
    [name, Uint8Array.fromHex(hex)] as const
  );
  return { sizes: numbersOf("size"), numbers: numbersOf("number"), errnos: numbersOf("errno"), bytes: new Map(bytes) };
}

function prefixed(prefix: string, names: Record<string, string>, values: Record<string, number>): [string, number][] {
  return Object.entries(values).map(([name, value]) => [prefix + names[name], value]);
}

/** "WalkList" is WALK_LIST. */
function spaced(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name.replace(/(?<=.)[A-Z]/g, "_$&").toUpperCase()]));
}

testNeeding([linux, compiler], "structures have the sizes that the shim has", async () => {
  const { sizes } = await facts();
  assertEquals(Object.fromEntries(sizes), {
    blit_config: CONFIG_BYTES,
    blit_task: TASK_BYTES,
    blit_result: RESULT_BYTES,
    blit_detail: DETAIL_BYTES,
    blit_batch: BATCH_HEADER_BYTES,
    blit_counters: COUNTERS_BYTES,
  });
});

testNeeding([linux, compiler], "operations, flags, kinds and codes have the numbers that the shim has", async () => {
  const { numbers } = await facts();
  const same = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name.toUpperCase()]));
  const expected: [string, number][] = [
    ["BLIT_ABI", ABI],
    ["BLIT_ACTION_SHIFT", ACTION_SHIFT],
    ["BLIT_STEP_LIST_SRC", STEP_LIST_SOURCE],
    ["BLIT_STEP_MASK", STEP_MASK],
    ["BLIT_STEP_ATTR_SHIFT", STEP_ATTRIBUTE_SHIFT],
    ["BLIT_STEP_ATTR_MASK", STEP_ATTRIBUTE_MASK],
    ["BLIT_STEP_PLACED", STEP_PLACED],
    ...prefixed("BLIT_OP_", same(...Object.keys(Op)), Op),
    ["BLIT_ASIDE_ARGS", ASIDE_ARGS],
    ...prefixed("BLIT_ASIDE_", spaced(Object.keys(Aside)), Aside),
    ...prefixed("BLIT_", same(...Object.keys(Action)), Action),
    ...prefixed(
      "BLIT_CFG_",
      {
        ...same(...Object.keys(ConfigFlag)),
        ReadOnly: "READ_ONLY",
        OneFileSystem: "ONE_FS",
        KeepMounts: "KEEP_MOUNTS",
      },
      ConfigFlag,
    ),
    ...prefixed("BLIT_", {
      ...same(...Object.keys(TaskFlag)),
      Source: "SRC",
      Destination: "DST",
      MakeDirectory: "MKDIR",
      RemoveDirectory: "RMDIR",
      RemoveSource: "RMSRC",
      LeftOut: "LEFT_OUT",
    }, TaskFlag),
    ...prefixed("BLIT_D_", same(...Object.keys(DetailCode)), DetailCode),
    ...prefixed("BLIT_LOST_", same(...Object.keys(Lost)), Lost),
    ...prefixed("BLIT_DIFF_", { ...same(...Object.keys(Diff)), DestinationLinked: "DST_LINKED" }, Diff),
    ...prefixed("BLIT_KIND_", {
      ...same(...Object.keys(Kind)),
      CharDevice: "CHAR",
      BlockDevice: "BLOCK",
      Directory: "DIR",
    }, Kind),
  ];
  assertEquals(Object.fromEntries(expected), Object.fromEntries(numbers));
});

testNeeding([linux, compiler], "error numbers have their names, and none is without words", async () => {
  const { errnos } = await facts();
  assert(errnos.size > 30);
  for (const [name, number] of errnos) assertEquals(engineError(number, 1).code, name);
  for (
    const own of [4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4010, 4011, 4012, 4013, 4014, 4015, 4016, 4017]
  ) {
    assert(!engineError(own, 1).message.includes(String(own)), `${own}`);
  }
  for (let step = 1; step <= 20; step++) assert(!engineError(5, step).message.includes("go on"), `step ${step}`);
  assertEquals(engineError(9999, 3), { code: "E9999", message: "Cannot create: error 9999" });
});

testNeeding([linux, compiler], "a task is written as the shim reads it", async () => {
  const { bytes } = await facts();
  const written = new Uint8Array(TASK_BYTES + 8);
  writeTask(new DataView(written.buffer), 8, {
    op: Op.Settle,
    id: 0x81020304,
    dir: 0x91020304,
    flags: 0xa1020304,
    batch: 0xb102030405060708n,
    first: 0xc1020304,
    count: 0xd1020304,
    handle: 0xe102030405060708n,
    offset: 0x0012345678abcdef,
    length: Number.MAX_SAFE_INTEGER,
    parent: 0xf1020304,
  }, 0x71020304);
  assertEquals(written.toHex(), "00".repeat(8) + bytes.get("task")!.toHex());
});

testNeeding([linux, compiler], "a result is read as the shim wrote it", async () => {
  const { bytes } = await facts();
  const raw = bytes.get("result")!;
  const shifted = new Uint8Array(raw.length + 8);
  shifted.set(raw, 8);
  const result = new RawResult(new DataView(shifted.buffer), 8);
  assertEquals([result.id, result.errno, result.details], [0x81020304, 13, 2]);
  assertEquals([result.batch, result.batchBytes], [0xb102030405060708n, 0x0010000000000008]);
  assertEquals([result.handle, result.bytes], [0xe102030405060708n, 0x0012345678abcdef]);
  assertEquals([result.done, result.step, result.flags, result.lost], [0x91020304, 0xa1020304, 0xc1020304, 0xd1020304]);
  assertEquals([result.taken, result.unchanged, result.unchangedBytes], [0x71020304, 0x61020304, 0x0010000000000009]);
  assertEquals(result.totalBytes, raw.length);
  assertEquals(result.detail(0), {
    index: 0x81020304,
    code: 0x91020304,
    value: 0xb102030405060708n,
    extra: 0xe102030405060708n,
  });
  assertEquals(result.detail(1), { index: 5, code: 6, value: 7n, extra: 8n });
});

testNeeding([linux, compiler], "a batch is read as the shim wrote it, and not after its release", async () => {
  const { bytes } = await facts();
  const freed: bigint[] = [];
  const batch = new PackedBatch(77n, bytes.get("batch")!.buffer, (address) => freed.push(address));
  assertEquals([batch.count, batch.others, batch.dirs, batch.extras], [4, 2, 1, 1]);
  assertEquals([batch.unchanged, batch.unchangedBytes, batch.dirDiff], [0x81020304, 0x0012345678abcdef, Diff.Mode]);
  const all = [0, 1, 2, 3];
  assertEquals(all.map((i) => batch.name(i)), ["file", "broken", "\udcff\udcfe", "extra"]);
  assertEquals(all.map((i) => batch.kind(i)), [Kind.File, Kind.File, Kind.Directory, Kind.Fifo]);
  assertEquals(all.map((i) => batch.dstKind(i)), all.map(() => Kind.Symlink));
  assertEquals(all.map((i) => batch.diff(i)), [Diff.Size | Diff.DestinationLinked, Diff.Error, 0, 0]);
  assertEquals(all.map((i) => batch.known(i)), [true, true, false, false]);
  assertEquals([batch.size(0), batch.mtimeMs(0), batch.nlink(0)], [0x0010000000000001, -4750, 3]);
  assertEquals(batch.inode(0), `${0x0000081100000001n}:${0xb102030405060708n}`);
  assertEquals(batch.error(1), engineError(13, STEP_LIST_SOURCE));
  batch.retain();
  batch.release();
  assertEquals([freed, batch.kind(0)], [[], Kind.File]);
  batch.release();
  assertEquals(freed, [77n]);
  for (const read of [() => batch.kind(0), () => batch.name(0), () => batch.size(0), () => batch.diff(3)]) {
    assertThrows(read, RangeError);
  }
});

testNeeding(
  [linux, compiler],
  "a batch of entries that nobody looked at has names and kinds and nothing else",
  async () => {
    const { bytes } = await facts();
    const batch = new PackedBatch(1n, bytes.get("blind")!.buffer, () => {});
    assertEquals([0, 1, 2, 3].map((i) => batch.name(i)), ["file", "broken", "\udcff\udcfe", "extra"]);
    assertEquals([0, 1, 2, 3].map((i) => batch.kind(i)), [Kind.File, Kind.File, Kind.Directory, Kind.Fifo]);
    assertEquals([0, 1, 2, 3].map((i) => batch.known(i)), [false, false, false, false]);
  },
);
