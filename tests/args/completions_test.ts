import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { completionScript, type Shell, shells } from "../../lib/args/completions.ts";
import { flags } from "../../lib/args/flags.ts";
import { verbs } from "../../lib/args/verbs.ts";
import { BlitError } from "../../lib/base/errors.ts";
import { command, testNeeding } from "../support/needs.ts";

for (const shell of shells) {
  Deno.test(`${shell} completes every command and every visible flag, and no hidden one`, () => {
    const script = completionScript(shell);
    for (const verb of verbs) assertStringIncludes(script, verb.name);
    for (const flag of flags) {
      const spelled = shell === "fish" ? `-l ${flag.name} ` : `--${flag.name}`;
      assertEquals(script.includes(spelled), !flag.hidden, flag.name);
    }
  });

  testNeeding([command(shell)], `${shell} accepts its script`, async () => {
    const { success, stderr } = await run(shell, ["-n"], completionScript(shell));
    assertEquals(stderr, "");
    assert(success);
  });
}

Deno.test("an unknown shell is wrong usage", () => {
  const error = assertThrows(() => completionScript("csh"), BlitError);
  assertEquals([error.message, error.hint], ['There are no completions for "csh"', "There are: bash, zsh, fish."]);
});

const bashCases: [typed: string[], offered: string[]][] = [
  [["mi"], ["mirror"]],
  [["--v"], ["--version"]],
  [["mirror", "--del"], ["--delete-scope"]],
  [["copy", "--del"], []],
  [["copy", "a", "b", "--dry"], ["--dry-run"]],
  [["mirror", "--delete-scope", ""], ["subset", "all"]],
  [["mirror", "--delete-scope", "=", "a"], ["all"]],
  [["copy", "--min-size", "--"], []],
  [["copy", "so"], []],
  [["completions", ""], ["bash", "zsh", "fish"]],
  [["help", "ch"], ["check"]],
  [["diagnostics", ""], ["perf"]],
  [["diagnostics", "perf", "--cl"], ["--clear"]],
  [["profile", ""], []],
  [["version", ""], []],
];

for (const [typed, offered] of bashCases) {
  testNeeding(
    [command("bash")],
    `bash offers for "blit ${typed.join(" ")}": ${offered.join(" ") || "nothing"}`,
    async () => {
      const words = ["blit", ...typed].map((word) => `'${word}'`).join(" ");
      const script = `${completionScript("bash")}
COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _blit
printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = await run("bash", ["--norc"], script);
      assertEquals(stderr, "");
      assertEquals(stdout.split("\n").filter((line) => line !== ""), offered);
    },
  );
}

testNeeding([command("fish")], "fish offers the commands and a command's flags", async () => {
  const script = `${completionScript("fish")}
complete -C 'blit mi'
complete -C 'blit mirror --max-d'
complete -C 'blit copy --max-d'`;
  const { stdout } = await run("fish", ["--no-config"], script);
  const offered = stdout.split("\n").map((line) => line.split("\t")[0]).filter((line) => line !== "");
  assertEquals(offered, ["mirror", "--max-delete"]);
});

async function run(shell: Shell, args: string[], script: string) {
  const file = await Deno.makeTempFile({ prefix: "blit-completions-" });
  try {
    await Deno.writeTextFile(file, script);
    const { success, stdout, stderr } = await new Deno.Command(shell, { args: [...args, file], stdin: "null" })
      .output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { success, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    await Deno.remove(file);
  }
}
