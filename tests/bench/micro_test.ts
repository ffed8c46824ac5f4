import { assertEquals, assertMatch } from "@std/assert";
import { shimProgram } from "../../bench/native.ts";
import { run } from "../../bench/process.ts";
import { command, linux, testNeeding } from "../support/needs.ts";

testNeeding([linux, command("cc")], "the shim's operations are measured, each on a line", async () => {
  const lines = (await run([await shimProgram("micro_shim")])).trimEnd().split("\n");
  assertEquals(lines.length, 5);
  for (const line of lines) assertMatch(line, /^\S.* \d+\.\d+ (GB\/s|ns each|µs each)$/);
});
