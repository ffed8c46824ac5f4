/** How the bytes of large files leave: seen from outside, by the system calls of the source. */

import { assert, assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blitJson } from "../support/program.ts";

testNeeding(
  [linux, command("strace")],
  "large files leave by sendfile, and their content is not read into the process",
  async () => {
    await using dir = await testDirectory();
    const size = 24 << 20;
    await dir.write({ "src/large": new Uint8Array(size).fill(5), "mod": null });
    await using daemon = await startDaemon(dir, { root: "mod" });
    const trace = dir.at("trace");
    const result = await blitJson(["copy", dir.at("src/"), daemon.place("default/dst")], {
      wrapper: ["strace", "-f", "-y", "-e", "trace=sendfile,read,pread64", "-o", trace],
    });
    assertExit(result, 0);
    assertSummary(result, { bytes_zero_copy: size, bytes_copied: size });
    const lines = (await Deno.readTextFile(trace)).split("\n").filter((line) => line.includes("src/large>"));
    const sent = lines.filter((line) => line.includes("sendfile(")).map((line) =>
      Number(/= (\d+)$/.exec(line)?.[1] ?? 0)
    );
    assert(sent.length > 0);
    // One look at the end of the file tells whether its size is true.
    const read = lines.filter((line) => /\bp?read(64)?\(/.test(line) && !/pread64\(.*, [12], \d+\) = [01]$/.test(line));
    assertEquals(read, []);
  },
);

testNeeding(
  [linux, command("strace")],
  "the daemon's main thread sleeps while lanes bring content: the runtime does not watch their connections",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/large": new Uint8Array(64 << 20).fill(5), "mod": null });
    const trace = dir.at("trace");
    {
      const wrapper = ["strace", "-f", "--seccomp-bpf", "-e", "trace=epoll_wait,recvfrom,epoll_ctl", "-o", trace];
      await using daemon = await startDaemon(dir, { root: "mod", wrapper });
      assertExit(await blitJson(["copy", dir.at("src/"), daemon.place("default/dst")]), 0);
    }
    const lines = (await Deno.readTextFile(trace)).split("\n");
    const isPiece = (line: string) => /recvfrom.*= \d{5,}$/.test(line);
    const pieces = lines.filter(isPiece).length;
    assert(pieces >= 60, `${pieces} large pieces received`);
    assert(
      lines.some((line) => /EPOLL_CTL_DEL, \d+, NULL\) = 0/.test(line)),
      "no connection was taken from the runtime",
    );
    // Between the first and the last piece the runtime is woken for messages alone, not for each piece.
    const during = lines.slice(lines.findIndex(isPiece), lines.findLastIndex(isPiece));
    const wakes = during.filter((line) => /epoll_wait.*= [1-9]/.test(line)).length;
    assert(wakes < pieces / 2, `woken ${wakes} times for ${pieces} pieces`);
  },
);
