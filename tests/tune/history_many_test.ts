import { assert, assertEquals } from "@std/assert";
import type { RunRecord } from "../../lib/model/run_record.ts";
import { HISTORY_MAX_BYTES, readHistory } from "../../lib/tune/history.ts";
import { encodeRecord } from "../../lib/tune/record_line.ts";
import { sampleRecord } from "./sample.ts";

const program = new URL("append_program.ts", import.meta.url).pathname;
const processes = 50;
const each = 20;

/** Lets 50 processes append at once, 20 records each, and returns what is there then. */
async function appendAtOnce(
  maxBytes: number,
): Promise<{ records: readonly RunRecord[]; unreadable: number; size: number }> {
  const dir = await Deno.makeTempDir({ prefix: "blit-history-" });
  try {
    const children = Array.from({ length: processes }, (_, id) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--allow-all", program, dir, String(id), String(each), String(maxBytes)],
        stdin: "piped",
        stdout: "piped",
      }).spawn());
    // All are running before the first one begins.
    const outputs = children.map((child) => child.stdout.getReader());
    await Promise.all(outputs.map((reader) => reader.read()));
    await Promise.all(children.map((child) => child.stdin.close()));
    for (const [i, child] of children.entries()) {
      assertEquals((await child.status).code, 0, `process ${i}`);
      await outputs[i].cancel();
    }
    const sizes = [...Deno.readDirSync(dir)].map(({ name }) => Deno.statSync(`${dir}/${name}`).size);
    return { ...readHistory(dir), size: sizes.reduce((sum, size) => sum + size, 0) };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function numbersOf(records: readonly RunRecord[], id: number): number[] {
  return records.filter((record) => record.lanes === id).map((record) => record.stalls);
}

Deno.test("of 50 processes that append at once none tears a line and none loses a record", async () => {
  const { records, unreadable } = await appendAtOnce(HISTORY_MAX_BYTES);
  assertEquals(unreadable, 0);
  assertEquals(records.length, processes * each);
  const all = Array.from({ length: each }, (_, i) => i);
  for (let id = 0; id < processes; id++) assertEquals(numbersOf(records, id), all, `process ${id}`);
});

Deno.test("while 50 processes append and rotate, only the oldest records go", async () => {
  const lineBytes = encodeRecord(sampleRecord())!.length;
  const maxBytes = 400 * lineBytes;
  const { records, unreadable, size } = await appendAtOnce(maxBytes);
  assertEquals(unreadable, 0);
  // What may come on top is what each process has under way when one finds the file too large.
  assert(size <= maxBytes + 2 * processes * (lineBytes + 10), `${size} bytes`);
  assert(records.length >= 200, `${records.length} records`);
  for (let id = 0; id < processes; id++) {
    const kept = numbersOf(records, id);
    assertEquals(kept, Array.from({ length: kept.length }, (_, i) => each - kept.length + i), `process ${id}`);
  }
});
