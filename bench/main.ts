/** `deno task bench`: command line to command to exit code (0 done, 1 could not, 3 slower than before, 64 wrong usage, 130
 * interrupted). */

import { type Command, parseArgs, usage } from "./args.ts";
import { chartOf } from "./chart.ts";
import { changesBetween, renderChanges } from "./compare.ts";
import { BenchError, Interrupted, Regression } from "./failure.ts";
import { runLocal } from "./local.ts";
import { runMicro } from "./micro.ts";
import { runRemote } from "./remote.ts";
import { replaceTable } from "./readme.ts";
import { loadResults } from "./result.ts";
import { runScale } from "./scale.ts";
import { runTune } from "./tune.ts";

const repository = import.meta.dirname?.replace(/bench$/, "") ?? "";

function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** One line that is overwritten; nothing when nobody watches. */
function status(text: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

const color = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");

async function execute(command: Command, signal: AbortSignal): Promise<void> {
  switch (command.verb) {
    case "help":
      return print(usage);
    case "readme": {
      const results = await loadResults(command.file);
      const path = `${repository}README.md`;
      await Deno.writeTextFile(path, replaceTable(await Deno.readTextFile(path), results));
      return;
    }
    case "chart":
      return await Deno.writeTextFile(chartPath(command.file), chartOf(await loadResults(command.file)));
    case "compare": {
      const changes = changesBetween(await loadResults(command.before), await loadResults(command.after));
      print(renderChanges(changes, color));
      if (changes.some(({ regression }) => regression)) throw new Regression();
      return;
    }
    case "tune":
      return await runTune(command.options, { print, status, signal });
    case "micro":
      return await runMicro(signal);
    case "scale":
    case "remote":
    case "local": {
      const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "");
      const around = {
        print,
        status,
        color,
        command: ["deno task bench", ...Deno.args].join(" "),
        file: command.options.json ?? `${repository}bench/results/${stamp}.json`,
        signal,
      };
      if (command.verb === "scale") return void await runScale(command.options, around);
      if (command.verb === "remote") await runRemote(command.options, around);
      else await runLocal(command.options, around);
      await Deno.writeTextFile(chartPath(around.file), chartOf(await loadResults(around.file)));
      print(`chart in ${chartPath(around.file)}\n`);
    }
  }
}

function chartPath(file: string): string {
  return `${file.replace(/\.json$/, "")}.svg`;
}

async function main(): Promise<number> {
  const abort = new AbortController();
  // Kept for the whole run: a second Ctrl-C must not cut the clean-up short.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(name, () => abort.abort());
  let command: Command;
  try {
    command = parseArgs(Deno.args);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    return 64;
  }
  try {
    await execute(command, abort.signal);
    return 0;
  } catch (error) {
    status("");
    if (error instanceof Interrupted) {
      console.error("Interrupted; places are taken away, finished rows are saved in the result file");
      return 130;
    }
    if (error instanceof Regression) return 3;
    if (!(error instanceof BenchError)) throw error;
    console.error(error.message);
    return 1;
  }
}

Deno.exit(await main());
