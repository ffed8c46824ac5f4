/** `deno task blit` is the program as a user of a clone starts it: nothing may get lost on the way through the task. */

import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { testDirectory } from "../support/environment.ts";

const configPath = Deno.realPathSync(new URL("../../deno.json", import.meta.url));

// `deno task` leaves the INIT_CWD of a task around it as it is, and the tests run inside one.
const { INIT_CWD: _, ...env } = Deno.env.toObject();

async function taskBlit(args: string[], cwd?: string) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", configPath, "blit", ...args],
    cwd,
    clearEnv: true,
    env: { ...env, BLIT_DISABLE_PERF_HISTORY: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

Deno.test("the task prints on stdout only what blit prints, and names version and commit", async () => {
  const { code, stdout } = await taskBlit(["--version"]);
  assertEquals(code, 0);
  assertMatch(
    stdout,
    new RegExp(`^blit ${config.version} \\(commit [0-9a-f]{12}\\)\n$|^blit ${config.version} .*unknown`),
  );
});

Deno.test("the exit code of wrong usage comes through the task", async () => {
  assertEquals((await taskBlit(["copy", "--no-such-option"])).code, 64);
});

Deno.test("paths are taken from where the user stands, and words stay as they are", async () => {
  await using dir = await testDirectory();
  await dir.write({ "from/it's $HOME *": "content" });
  const { code, stderr } = await taskBlit(["copy", "from/it's $HOME *", "to here"], dir.path);
  assertEquals(code, 0, stderr);
  assertEquals(await dir.read("to here"), "content");
});
