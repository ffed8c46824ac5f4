/** The real streams: what happens to output that nobody takes. */

import { assertEquals } from "@std/assert";
import { linux, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";

testNeeding([linux], "a standard output that is full makes the run fail and says so", async () => {
  const { code, stderr } = await blit(["completions", "bash"], { wrapper: ["sh", "-c", '"$0" "$@" >/dev/full'] });
  assertEquals([code, stderr], [1, "blit: Cannot write to standard output: No space left on device (os error 28)\n"]);
});

testNeeding([linux], "a reader that goes away is no failure", async () => {
  // Time for `true` to be gone before blit writes.
  const shell = '{ sleep 0.2; "$0" "$@"; echo "code $?" >&2; } | true';
  const { stderr } = await blit(["completions", "bash"], { wrapper: ["sh", "-c", shell] });
  assertEquals(stderr, "code 0\n");
});

testNeeding([linux], "wrong usage is said on standard error and has code 64", async () => {
  const { code, stdout, stderr } = await blit(["frobnicate"]);
  assertEquals([code, stdout], [64, ""]);
  assertEquals(stderr, 'blit: Unknown command "frobnicate". Run `blit help` for the list.\n');
});
