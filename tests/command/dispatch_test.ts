import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { verbs } from "../../lib/args/verbs.ts";
import { BlitError } from "../../lib/base/errors.ts";
import { dispatch } from "../../lib/command/dispatch.ts";
import { loaders } from "../../lib/command/loaders.ts";
import { summary } from "../report/sample.ts";
import { FakeContext, runLine } from "./fake.ts";

Deno.test("blit alone prints a short usage on standard error and is wrong usage", async () => {
  const { code, stdout, stderr } = await runLine("");
  assertEquals([code, stdout], [64, ""]);
  assert(stderr.startsWith("Usage: blit "));
});

for (const line of ["--help", "-h", "help"]) {
  Deno.test(`blit ${line} prints the general help`, async () => {
    const { code, stdout, stderr } = await runLine(line);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "Exit codes:");
  });
}

for (const verb of verbs) {
  Deno.test(`blit ${verb.name} --help and blit help ${verb.name} print its help and run nothing`, async () => {
    for (const line of [`${verb.name} --help`, `help ${verb.name}`, `${verb.name} a -h`]) {
      const { code, stdout, jobs } = await runLine(line);
      assertEquals([code, jobs.length], [0, 0]);
      assert(stdout.startsWith(`blit ${verb.name} - `), stdout);
    }
  });

  Deno.test(`${verb.name} has a file that exports run`, async () => {
    assertEquals(typeof (await loaders[verb.name]()).run, "function");
  });
}

for (const line of ["--version", "-V", "version", "copy --version"]) {
  Deno.test(`blit ${line} prints version and commit`, async () => {
    const { code, stdout } = await runLine(line);
    assertEquals(code, 0);
    assert(/^blit (\S+) \(commit \S+\)\n$/.exec(stdout)?.[1] === config.version, stdout);
  });
}

const wrong: [line: string, stderr: string][] = [
  ["frobnicate", 'blit: Unknown command "frobnicate". Run `blit help` for the list.\n'],
  ["copy --dryrun a b", 'blit: Unknown option "--dryrun". Did you mean "--dry-run"?\n'],
  ["copy a", 'blit: `blit copy` needs a destination behind "a"\n'],
  ["copy --files-from list a b", 'blit: Cannot read "list" for "--files-from": no such file\n'],
  ["help copy move", "blit: `blit help` takes one command\n"],
  ["help frobnicate", 'blit: Unknown command "frobnicate". Run `blit help` for the list.\n'],
  ["help -- -x", 'blit: Unknown command "-x". Run `blit help` for the list.\n'],
  ["completions", "blit: `blit completions` takes the name of one shell. There are: bash, zsh, fish.\n"],
  ["completions tcsh", 'blit: There are no completions for "tcsh". There are: bash, zsh, fish.\n'],
  ["diagnostics", "blit: `blit diagnostics` needs a topic: perf\n"],
  ["diagnostics disk", 'blit: There are no diagnostics of "disk". There are: perf.\n'],
  ["diagnostics perf perf", "blit: `blit diagnostics` takes one operand, 2 were given\n"],
  ["profile ext4", "blit: `blit profile` takes no operands\n"],
  ["version 2", "blit: `blit version` takes nothing\n"],
];

for (const [line, said] of wrong) {
  Deno.test(`wrong usage is one line and starts nothing: ${line}`, async () => {
    const { code, stdout, stderr, jobs } = await runLine(line);
    assertEquals({ code, stdout, stderr, jobs: jobs.length }, { code: 64, stdout: "", stderr: said, jobs: 0 });
  });
}

Deno.test("completions are printed", async () => {
  const { code, stdout } = await runLine("completions bash");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "complete -o bashdefault");
});

for (const verb of ["copy", "move", "check"] as const) {
  Deno.test(`${verb} starts its job and prints the summary`, async () => {
    const { code, jobs, stdout, stderr } = await runLine(`${verb} a b`, {
      play: (job) => summary({ verb: job.verb, filesCopied: 0, directoriesCreated: 0 }),
    });
    assertEquals([code, jobs.length, jobs[0].verb, stderr], [0, 1, verb, ""]);
    assertEquals(stdout.split("\n").length, 3);
  });
}

Deno.test("a fatal error is one line, with its exit code", async () => {
  const { code, stdout, stderr } = await runLine("copy a b", {
    play: () => {
      throw new BlitError("failed", 'Cannot open "a\udcff": no such file', "Check the path.");
    },
  });
  assertEquals([code, stdout], [1, ""]);
  assertEquals(stderr, 'blit: Cannot open "a\\xff": no such file. Check the path.\n');
});

Deno.test("an error that nobody foresaw is a failure, not a crash", async () => {
  const { code, stderr } = await runLine("copy a b", {
    play: () => {
      throw new TypeError("x is undefined");
    },
  });
  assertEquals([code, stderr], [1, "blit: Cannot copy: x is undefined\n"]);
});

Deno.test("usage that only the job finds wrong has the code of wrong usage", async () => {
  const { code } = await runLine("copy a b", {
    play: () => {
      throw new BlitError("usage", "The destination lies inside the source");
    },
  });
  assertEquals(code, 64);
});

Deno.test("operands that are not UTF-8 reach the job as they are", async () => {
  const context = new FakeContext();
  await dispatch(["copy", "a\udcff b", "c"], context);
  assertEquals(context.jobs[0].sources, ["a\udcff b"]);
});
