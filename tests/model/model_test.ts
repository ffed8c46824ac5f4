/**
 * Random trees, random jobs and random faults against a simple model (program.ts plays them). BLIT_MODEL_CASES and BLIT_MODEL_SEED
 * choose other cases; `deno task test:long` plays new ones for as long as one likes.
 */

import { assertEquals } from "@std/assert";
import { command, linux, root, testNeeding } from "../support/needs.ts";

const cases = Deno.env.get("BLIT_MODEL_CASES") ?? "2000";
// The same cases each time: whoever changes something else does not have to look at what a new seed finds.
const seed = Deno.env.get("BLIT_MODEL_SEED") ?? "20261127";

testNeeding([linux, root, command("cc")], "random jobs with random faults leave what a simple model says", async () => {
  const program = new URL("program.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, cases, seed],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, `${text.decode(stdout)}${text.decode(stderr)}`);
});
