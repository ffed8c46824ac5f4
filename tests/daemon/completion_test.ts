/** Remote paths in the shells: the real scripts, the real program, a real daemon. */

import { assertEquals } from "@std/assert";
import { completionScript } from "../../lib/args/completions.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { command, testNeeding } from "../support/needs.ts";
import { startDaemon } from "../support/daemon.ts";
import { blit, programCommand } from "../support/program.ts";

async function tree(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.write({
    "data/photos/a": "",
    "data/photos/b": "",
    "data/phone": "",
    "data/with space": "",
    "data/bad\nname": "",
  });
  const program = programCommand().map((word) => `'${word}'`).join(" ");
  await dir.write({ "bin/blit": `#!/bin/sh\nexec ${program} "$@"\n` });
  await Deno.chmod(dir.at("bin/blit"), 0o755);
  return dir;
}

async function shell(dir: TestDirectory, name: string, args: string[], script: string): Promise<string[]> {
  await dir.write({ script });
  const { stdout, stderr } = await new Deno.Command(name, {
    args: [...args, dir.at("script")],
    env: { PATH: `${dir.at("bin")}:${Deno.env.get("PATH")}` },
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").sort();
}

Deno.test("complete-path prints whole words, as they were begun, and nothing that cannot be typed", async () => {
  await using dir = await tree();
  await using daemon = await startDaemon(dir, { root: "data" });
  const complete = async (word: string) => {
    const { code, stdout, stderr } = await blit(["complete-path", "--", word]);
    assertEquals([code, stderr], [0, ""]);
    return stdout.split("\n").slice(0, -1);
  };
  assertEquals(await complete(`${daemon.host}:/`), [`${daemon.host}:/default/`]);
  const start = daemon.place("default/");
  assertEquals(await complete(start), [`${start}phone`, `${start}photos/`, `${start}with space`]);
  assertEquals(await complete(`blit://${daemon.host}/default/phot`), [`blit://${daemon.host}/default/photos/`]);
  for (
    const word of ["", "local", daemon.host, "127.0.0.1:9:/", `${daemon.host}:/none/`, `${daemon.host}:/default/../`]
  ) {
    assertEquals(await complete(word), []);
  }
});

testNeeding([command("bash")], "bash completes a remote path although it splits words at colons", async () => {
  await using dir = await tree();
  await using daemon = await startDaemon(dir, { root: "data" });
  const offers = (typed: string, words: string[]) =>
    shell(
      dir,
      "bash",
      ["--norc"],
      `${completionScript("bash")}
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
COMP_LINE='blit ls ${typed}'; COMP_POINT=\${#COMP_LINE}
COMP_WORDS=(blit ls ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_blit 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  const place = daemon.place("default/ph");
  const words = ["127.0.0.1", ":", `${daemon.port}`, ":", "/default/ph"];
  assertEquals(await offers(place, words), ["/default/phone", "/default/photos/"]);
  assertEquals(await offers(daemon.place("default/w"), [...words.slice(0, -1), "/default/w"]), [
    "/default/with\\ space",
  ]);
  assertEquals(await offers("local", ["local"]), []);
  assertEquals(await offers(`./${place}`, ["./127.0.0.1", ...words.slice(1)]), []);
});

testNeeding([command("zsh")], "zsh completes a remote path, directories without a space behind them", async () => {
  await using dir = await tree();
  await using daemon = await startDaemon(dir, { root: "data" });
  const script = completionScript("zsh").replace(/^if \[ "\$funcstack.*$/m, "");
  const offered = await shell(
    dir,
    "zsh",
    ["-f"],
    `
_files() { print local; }
compadd() { if [[ $1 == -S ]]; then print -rl -- directory ${"${(P)4}"}; else print -rl -- other ${"${(P)2}"}; fi }
${script}
PREFIX='${daemon.place("default/pho")}' _blit_paths
PREFIX='local' _blit_paths
PREFIX='./a:/b' _blit_paths`,
  );
  assertEquals(
    offered,
    [daemon.place("default/phone"), daemon.place("default/photos/"), "directory", "local", "local", "other"].sort(),
  );
});

testNeeding([command("fish")], "fish completes a remote path", async () => {
  await using dir = await tree();
  await using daemon = await startDaemon(dir, { root: "data" });
  const offered = await shell(
    dir,
    "fish",
    ["--no-config"],
    `${completionScript("fish")}
complete -C 'blit ls ${daemon.place("default/pho")}'`,
  );
  assertEquals(offered.map((line) => line.split("\t")[0]), [
    daemon.place("default/phone"),
    daemon.place("default/photos/"),
  ]);
});
