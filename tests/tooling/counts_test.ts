import { assertEquals } from "@std/assert";
import { librarySources, testSources } from "../../native/compiler.ts";
import { parseLcov } from "../coverage.ts";
import { closingCounts } from "../run.ts";

Deno.test("closing counts are read from colored output with steps, ignored and filtered tests", () => {
  const output =
    "ok | 9 passed | 9 failed\n...\n\x1b[0m\x1b[31mFAILED\x1b[0m | 12 passed (3 steps) | 2 failed (1 step) | 4 ignored | 7 filtered out (2s)\n";
  assertEquals(closingCounts(output), { passed: 12, failed: 2, skipped: 4 });
  assertEquals(closingCounts("ok | 1 passed | 0 failed (3ms)\n"), { passed: 1, failed: 0, skipped: 0 });
  assertEquals(closingCounts("Segmentation fault\n"), { passed: 0, failed: 0, skipped: 0 });
});

Deno.test("missed lines are counted for each file", () => {
  const lcov =
    "SF:/p/lib/a.ts\nFN:1,f\nDA:1,3\nDA:2,0\nLH:1\nLF:2\nend_of_record\nSF:/p/lib/b.ts\nDA:1,0\nend_of_record\n";
  assertEquals(parseLcov(lcov, "/p/lib/"), [
    { path: "a.ts", found: 2, missed: 1 },
    { path: "b.ts", found: 1, missed: 1 },
  ]);
});

const native = ["copy.c", "copy_darwin.c", "copy_linux.c", "copy_test.c", "copy_linux_test.c", "blit.h", "build.ts"];

Deno.test("the shim's sources are those of the platform and the common ones, without tests", () => {
  assertEquals(librarySources(native, "linux"), ["copy.c", "copy_linux.c"]);
  assertEquals(librarySources(native, "darwin"), ["copy.c", "copy_darwin.c"]);
  assertEquals(librarySources(native, "freebsd"), []);
});

Deno.test("on Windows the shim is made of the Windows files alone", () => {
  assertEquals(librarySources(native, "windows"), []);
  assertEquals(librarySources([...native, "copy_windows.c"], "windows"), ["copy_windows.c"]);
});

Deno.test("a platform's C tests run on that platform only", () => {
  assertEquals(testSources(native, "linux"), ["copy_test.c", "copy_linux_test.c"]);
  assertEquals(testSources(native, "darwin"), ["copy_test.c"]);
});
