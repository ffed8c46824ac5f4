/**
 * Appends records to a performance history, for the tests of many processes at once.
 *
 *     deno run -A append_program.ts DIR ID COUNT MAX_BYTES
 *
 * Says "ready", begins when its standard input ends, and numbers its records from 0 in `stalls`, its ID in `lanes`.
 */

import { appendRecord } from "../../lib/tune/history.ts";
import { sampleRecord } from "./sample.ts";

const [dir, id, count, maxBytes] = Deno.args;
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
for await (const _ of Deno.stdin.readable);
for (let i = 0; i < Number(count); i++) {
  appendRecord(dir, sampleRecord({ lanes: Number(id), stalls: i }), Number(maxBytes));
  // Lets the others in between: one append is shorter than a time slice.
  await new Promise((resolve) => setTimeout(resolve, i % 3));
}
