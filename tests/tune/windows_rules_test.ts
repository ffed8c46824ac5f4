import { assertEquals } from "@std/assert";
import { copiesUnbuffered, unbufferedRule } from "../../lib/tune/windows_rules.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** U: unbuffered, c: cached; by available memory in GiB. */
const memories = [4, 8, 16, 32, 64, 128];
const table: [size: string, bytes: number, decisions: string][] = [
  ["1 byte", 1, "cccccc"],
  ["512 MiB", 512 * MIB, "cccccc"],
  ["512 MiB and a byte", 512 * MIB + 1, "cccccc"],
  ["1 GiB", GIB, "cccccc"],
  ["1 GiB and a byte", GIB + 1, "Uccccc"],
  ["1.5 GiB", 1.5 * GIB, "Uccccc"],
  ["2 GiB", 2 * GIB, "Uccccc"],
  ["2 GiB and a byte", 2 * GIB + 1, "UUUUUU"],
  ["4 GiB", 4 * GIB, "UUUUUU"],
];

for (const [size, bytes, decisions] of table) {
  Deno.test(`Windows, ${size}: cached or not by memory as the table says`, () => {
    assertEquals(memories.map((memory) => copiesUnbuffered(bytes, memory * GIB) ? "U" : "c").join(""), decisions);
  });
}

Deno.test("Windows, between 512 MiB and 2 GiB a machine short of memory copies past the cache", () => {
  assertEquals(copiesUnbuffered(600 * MIB, 2 * GIB), true);
  assertEquals(copiesUnbuffered(600 * MIB, undefined), true);
  assertEquals(copiesUnbuffered(512 * MIB, undefined), false);
  assertEquals(copiesUnbuffered(512 * MIB, 0), false);
});

Deno.test("Windows, a batch asks for memory once, and only when a file needs it", () => {
  const answers = [16 * GIB, 1 * GIB];
  let asked = 0;
  const rule = unbufferedRule(() => answers[asked++]);
  assertEquals([rule(1), rule(512 * MIB), rule(3 * GIB), asked], [false, false, true, 0]);
  assertEquals([rule(GIB), rule(2 * GIB), asked], [false, false, 1]);
  const next = unbufferedRule(() => answers[asked++]);
  assertEquals([next(GIB), asked], [true, 2]);
});

Deno.test("Windows, memory that cannot be asked for is asked for once too", () => {
  let asked = 0;
  const rule = unbufferedRule(() => (asked++, undefined));
  assertEquals([rule(GIB), rule(GIB), asked], [true, true, 1]);
});
