import { assertEquals, assertMatch } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";

const native = new URL("../../native/", import.meta.url);
const library = `native/build/libblit.${Deno.build.os === "darwin" ? "dylib" : "so"}`;

/** A project of its own whose shim is one small file for this platform. */
async function shimProject(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.write({ [`native/one_${Deno.build.os}.c`]: "int blit_one(void) { return 1; }\n" });
  for (const name of ["build.ts", "compiler.ts", "sanitize.ts"]) {
    await Deno.copyFile(new URL(name, native), dir.at(`native/${name}`));
  }
  return dir;
}

async function build(dir: TestDirectory, args: string[] = [], env: Record<string, string> = {}) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", dir.at("native/build.ts"), ...args],
    env,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

Deno.test("the shim is built once, and again when a source changes", async () => {
  await using dir = await shimProject();
  assertMatch((await build(dir)).stderr, /^Built native\/build\/libblit/);
  assertEquals(await build(dir), { code: 0, stdout: "", stderr: "" });
  await dir.write({ "native/two.c": "int blit_two(void) { return 2; }\n" });
  assertMatch((await build(dir)).stderr, /^Built/);
});

Deno.test("without a compiler the build succeeds with one line and leaves no library of other sources", async () => {
  await using dir = await shimProject();
  await build(dir);
  await dir.write({ "native/two.c": "int blit_two(void) { return 2; }\n" });
  const { code, stdout, stderr } = await build(dir, [], { CC: "", PATH: "/nowhere" });
  assertEquals({ code, stdout }, { code: 0, stdout: "" });
  assertMatch(stderr, /^No C compiler found .* slower portable path\n$/);
  assertEquals(await dir.exists(library), false);
});

Deno.test("a source that does not compile fails the build, unless the shim is optional", async () => {
  await using dir = await shimProject();
  await build(dir);
  await dir.write({ "native/two.c": "int blit_two(void) { return wrong; }\n" });
  const failed = await build(dir);
  assertEquals(failed.code, 1);
  assertMatch(failed.stderr, /two\.c.*wrong/s);
  const optional = await build(dir, ["--optional"]);
  assertEquals(optional.code, 0);
  assertMatch(optional.stderr, /slower portable path\n$/);
  assertEquals(await dir.exists(library), false);
});

Deno.test("a C test that reads out of bounds fails under the sanitizers", async () => {
  await using dir = await shimProject();
  const test = (index: string) => `int main(int n, char **v) { char a[2] = {0}; (void)v; return a[${index}] > 1; }\n`;
  await dir.write({ "native/good_test.c": test("n") });
  assertEquals((await build(dir, ["--sanitize"])).code, 0);
  await dir.write({ "native/bad_test.c": test("n + 1") });
  const { code, stdout } = await build(dir, ["--sanitize"]);
  assertEquals(code, 1);
  assertMatch(stdout, /bad_test\.c \.\.\. FAILED/);
  assertMatch(stdout, /good_test\.c \.\.\. ok/);
});
