/**
 * The Windows part of the shim, cross-compiled, with its own test program run under wine.
 *
 * The first start of wine makes its C: drive, which takes ten seconds; it goes to a temporary folder, not to the user's.
 */

import { assert, assertEquals } from "@std/assert";
import { librarySources, nativeFiles } from "../../native/compiler.ts";
import { command, linux, testNeeding } from "../support/needs.ts";

const native = new URL("../../native/", import.meta.url).pathname;
const compiler = "x86_64-w64-mingw32-gcc";
const sources = nativeFiles().filter((name) => name.endsWith("_windows.c"));

Deno.test("the Windows files are no part of the library of another system", () => {
  assert(sources.length > 0);
  for (const os of ["linux", "darwin"]) {
    assertEquals(librarySources(nativeFiles(), os).filter((name) => sources.includes(name)), [], os);
  }
});

async function compile(output: string, ...arguments_: string[]): Promise<void> {
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", `-I${native}`];
  const files = sources.map((name) => native + name);
  const { success, stderr } = await new Deno.Command(compiler, {
    args: [...flags, ...files, ...arguments_, "-o", output],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Runs a program under wine, with a C: drive of its own in `dir`. */
async function wine(dir: string, args: string[], program = "wine"): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    // No window, no offer to install the parts for .NET and HTML, no talk about what is missing.
    env: {
      WINEPREFIX: `${dir}/wine`,
      WINEDEBUG: "-all",
      WINEDLLOVERRIDES: "mscoree,mshtml,winemenubuilder.exe=",
      HOME: dir,
      DISPLAY: "",
    },
    stdin: "null",
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

testNeeding(
  [linux, command(compiler)],
  "the Windows copy becomes a library that exports its two functions",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "blit-windows-" });
    try {
      // Without its symbol table, so that only what it exports has a name in it.
      await compile(`${dir}/copy.dll`, "-shared", "-s");
      const bytes = await Deno.readFile(`${dir}/copy.dll`);
      const text = new TextDecoder("latin1").decode(bytes);
      for (const name of ["blit_windows_copy_file", "blit_windows_available_memory"]) {
        assert(
          text.includes(`${name}\0`),
          name,
        );
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

testNeeding([linux, command(compiler), command("wine")], "the Windows copy passes its tests under wine", async () => {
  const dir = await Deno.makeTempDir({ prefix: "blit-windows-" });
  try {
    await compile(`${dir}/copy_windows_test.exe`, `${native}copy_windows_test.c`);
    const { code, text } = await wine(dir, [`${dir}/copy_windows_test.exe`]);
    assertEquals(code, 0, text);
    assert(text.includes("content_of_any_size_is_copied"), text);
  } finally {
    await wine(dir, ["--kill", "--wait"], "wineserver").catch(() => {});
    await Deno.remove(dir, { recursive: true });
  }
});
