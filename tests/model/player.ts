/**
 * Plays a scenario: makes its trees, runs its jobs, and has every result judged. Each scenario has a folder of its own with
 * the two trees ("s" and "d"), the backup ("b"), and what nothing may touch ("outside").
 */

import type { FixtureServer } from "../support/fixture.ts";
import { parseSnapshot, type SnapshotEntry } from "../support/snapshot.ts";
import { type Complaints, isTemporary, judgeExact, judgeFaulty, type Report, touched, type World } from "./judge.ts";
import { Sketch } from "./operations.ts";
import { encoded, expect, type Tree } from "./oracle.ts";
import type { FaultSpec, JobSpec, Scenario, Step } from "./scenario.ts";
import type { Blit, Faults } from "./stage.ts";

export interface Stage {
  readonly blit: Blit;
  readonly faults?: Faults;
  /** Of a daemon that exports `folder` as "m". */
  readonly port: number;
  readonly folder: string;
  readonly fixtures: FixtureServer;
  /** Of the engine; finer times are not kept. */
  readonly timesInMs?: boolean;
}

/** Returns whether every fault has struck. Throws an Error that lists what is wrong, with the command lines that led there. */
export async function play(scenario: Scenario, stage: Stage): Promise<boolean> {
  const name = `case-${crypto.randomUUID()}`;
  const player = new Player(stage, name);
  try {
    await player.prepare(scenario);
    for (const step of scenario.steps) await player.step(step);
    return player.allStruck;
  } finally {
    await stage.fixtures.make(stage.folder, [`remove ${name}`]);
  }
}

class Player {
  readonly #source = new Sketch();
  readonly #destination = new Sketch();
  readonly #folder: string;
  /** Everything that was done, for the message of a failure. */
  readonly #story: string[] = [];
  #world!: World;
  allStruck = true;

  constructor(private readonly stage: Stage, private readonly name: string) {
    this.#folder = `${stage.folder}/${name}`;
  }

  async prepare({ source, alike, destination }: Scenario): Promise<void> {
    const { fixtures, folder } = this.stage;
    const lines = ["outside", "outside/directory", "s", "d", "d/s"].map((each) => `dir ${this.name}/${each}`);
    lines.push(`file ${this.name}/outside/a 10 9`, `file ${this.name}/outside/directory/b 10 9`);
    await fixtures.make(folder, [`dir ${this.name}`, ...lines]);
    await this.#change("s", this.#source, source, true);
    await this.#change("d", this.#destination, alike ? source : [], true);
    await this.#change("d", this.#destination, destination);
  }

  async step({ sourceChanges, destinationChanges, job, fault }: Step): Promise<void> {
    await this.stage.fixtures.make(this.#folder, ["dir s", "dir d/s"]);
    await this.#look(job);
    await this.#change("s", this.#source, sourceChanges);
    await this.#change(job.form === "nested" ? "d/s" : "d", this.#destination, destinationChanges);
    await this.#look(job);
    const foretold = job.dryRun ? await this.#dryRun(job) : undefined;
    if (fault !== undefined && this.stage.faults !== undefined) await this.#runFaulty(job, fault, this.stage.faults);
    const before = this.#world;
    // A move in spite of the fault may have been complete.
    if (!before.source.has(".")) return;
    const report = await this.#run(job, []);
    const expected = this.#expect(job, before, report);
    await this.#look(job);
    // A daemon removes the source's own directory after it has answered.
    for (let turn = 0; turn < 200 && expected.moved.has(".") && this.#world.source.has("."); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await this.#look(job);
    }
    const complaints = judgeExact(job, before, this.#world, expected, report);
    if (foretold !== undefined && fault === undefined) complaints.push(...foretells(foretold, report, before.source));
    this.#verdict(complaints, report);
  }

  async #runFaulty(job: JobSpec, fault: FaultSpec, faults: Faults): Promise<void> {
    const before = this.#world;
    const below = `${this.#folder}/${fault.side === "source" ? "s" : "d"}`;
    const { class: name, nth, error, times } = fault;
    this.#story.push(`  # ${name} below ${fault.side}: call ${nth} meets ${error}, ${times} times`);
    const isSignal = error < 0;
    if (!isSignal) faults.arm(fault, below);
    const report = await this.#run(
      job,
      [],
      isSignal ? (words) => this.stage.blit.runApart(words, fault, below) : undefined,
    );
    const killed = report.code === 128 - error;
    const met = isSignal ? killed : faults.disarm() >= nth;
    this.allStruck &&= met;
    await this.#look(job);
    if (killed && job.way !== "local") await this.#settle(job);
    const expected = this.#expect(job, before, report);
    this.#verdict(judgeFaulty(job, before, this.#world, expected, report, { fault, met, killed }), report);
  }

  /** A daemon whose client is gone brings to an end what it has begun. */
  async #settle(job: JobSpec): Promise<void> {
    for (let quiet = 0, turn = 0; quiet < 3 && turn < 200; turn++) {
      const before = this.#world;
      await new Promise((resolve) => setTimeout(resolve, 20));
      await this.#look(job);
      const same = touched("", before.destination, this.#world.destination).length === 0;
      quiet = same ? quiet + 1 : 0;
    }
  }

  async #dryRun(job: JobSpec): Promise<Report> {
    const before = this.#world;
    const report = await this.#run(job, ["--dry-run"]);
    await this.#look(job);
    const after = this.#world;
    this.#verdict([
      ...touched("a dry run touched the destination", before.destination, after.destination),
      ...touched("a dry run touched the source", before.source, after.source),
      ...touched("a dry run touched the backup", before.backup, after.backup),
    ], report);
    return report;
  }

  #expect(job: JobSpec, { source, destination } = this.#world, report?: Report) {
    const refused = report?.failures.filter(({ code }) => code === "same_file").map(({ path }) => path);
    return expect(job, source, destination, this.#singleOf(job, source), new Set(refused));
  }

  /** The one entry that the job is about. */
  #singleOf(job: JobSpec, source = this.#world.source): string | undefined {
    if (job.form !== "single") return undefined;
    const plain = [...source].filter(([path, { type }]) => type === "f" && /^[\w.]+$/.test(path));
    return plain[0]?.[0];
  }

  async #change(root: string, sketch: Sketch, operations: Scenario["source"], first = false): Promise<void> {
    const lines = sketch.change(operations, first);
    this.#story.push(...lines.map((line) => `  ${root}: ${line}`));
    await this.stage.fixtures.make(`${this.#folder}/${root}`, lines);
  }

  async #run(job: JobSpec, more: string[], run = this.stage.blit.run): Promise<Report> {
    const words = [...this.#words(job), ...more];
    this.#story.push(`  blit ${words.map((word) => /^[\w./:=-]+$/.test(word) ? word : `'${word}'`).join(" ")}`);
    if (job.list !== undefined) {
      this.#story.push(`    where the list is ${job.list.join(", ")}`);
      await Deno.writeTextFile(`${this.#folder}.list`, job.list.map((path) => `${path}\n`).join(""));
    }
    const outcome = await run(words);
    if (job.list !== undefined) await Deno.remove(`${this.#folder}.list`);
    return reportOf(outcome.code, outcome.stdout, outcome.stderr);
  }

  #words(job: JobSpec): string[] {
    const far = (path: string) => `127.0.0.1:${this.stage.port}:/m/${this.name}/${path}`;
    const near = (path: string) => `${this.#folder}/${path}`;
    const at = {
      source: /pull|between/.test(job.way) ? far : near,
      destination: /push|between/.test(job.way) ? far : near,
    };
    const single = this.#singleOf(job);
    const words = ["--ndjson"];
    if (job.verb !== "check") words.push("--yes");
    if (job.compare !== "quick") words.push(`--${job.compare}`);
    for (const { action, pattern } of job.rules) words.push(`--${action}`, pattern);
    if (job.list !== undefined) words.push("--files-from", `${this.#folder}.list`);
    if (job.maxSize !== undefined) words.push("--max-size", `${job.maxSize}`);
    if (job.ignoreExisting) words.push("--ignore-existing");
    if (job.backup) words.push("--backup-dir", at.destination("b"));
    if (job.verify) words.push("--verify");
    if (job.verb === "mirror" && job.deleteHidden) words.push("--delete-scope", "all");
    if (job.maxDelete !== undefined) words.push("--max-delete", `${job.maxDelete}`);
    if (job.resume) words.push("--resume");
    if (job.way.startsWith("inline")) words.push("--force-inline");
    words.push("--workers", `${job.workers}`, "--wait", "10ms", "--stall-timeout", "20s");
    const source = single !== undefined ? at.source(`s/${single}`) : at.source(job.form === "nested" ? "s" : "s/");
    return [job.verb, ...words, source, at.destination("d/")];
  }

  /** Reads everything. */
  async #look(job: JobSpec): Promise<void> {
    const all = new Map(parseSnapshot(await this.stage.fixtures.list(this.#folder)));
    if (this.stage.timesInMs) {
      for (const [path, entry] of all) all.set(path, { ...entry, mtimeNs: entry.mtimeNs / 1_000_000n * 1_000_000n });
    }
    const root = job.form === "nested" && all.get("d/s")?.type === "d" ? "d/s" : "d";
    const within = (path: string, top: string) => path === top || path.startsWith(`${top}/`);
    const outside = new Map<string, SnapshotEntry>();
    for (const [path, entry] of all) {
      const isAbove = path === "." || (root !== "d" && path === "d");
      if (!isAbove && !["s", root, "b"].some((top) => within(path, top))) outside.set(path, entry);
    }
    const leftovers = [...below(all, root).keys()].filter(isTemporary);
    for (const path of all.keys()) if (isTemporary(path)) all.delete(path);
    this.#world = {
      leftovers,
      source: below(all, "s"),
      destination: below(all, root),
      backup: below(all, "b"),
      outside,
    };
    this.#source.learn(kindsOf(this.#world.source));
    this.#destination.learn(kindsOf(this.#world.destination));
  }

  #verdict(complaints: Complaints, report: Report): void {
    if (complaints.length === 0) return;
    const said = report.failures.map(({ path, code, message }) => `  ${path}: ${code}: ${message}`);
    const more = [
      ...said,
      ...report.notices.map((notice) => `  ${notice}`),
      ...report.error ? [`  ${report.error}`] : [],
    ];
    throw new Error(
      `${complaints.join("\n")}\nAfter:\n${
        this.#story.join("\n").replaceAll("x".repeat(255), "x*255")
      }\nIt said (exit code ${report.code}):\n${more.join("\n")}`,
    );
  }
}

function below(all: Tree, top: string): Map<string, SnapshotEntry> {
  const found = new Map<string, SnapshotEntry>();
  for (const [path, entry] of all) {
    if (path === top) found.set(".", entry);
    else if (path.startsWith(`${top}/`)) found.set(path.slice(top.length + 1), entry);
  }
  return found;
}

function kindsOf(tree: Tree) {
  const kinds = { f: "file", d: "directory", l: "symlink" } as const;
  const found = new Map<string, "file" | "directory" | "symlink" | "special">();
  for (const [path, { type }] of tree) {
    if (path !== ".") found.set(path, type in kinds ? kinds[type as keyof typeof kinds] : "special");
  }
  return found;
}

/** Out of what --ndjson printed. */
function reportOf(code: number, stdout: string, stderr: string): Report {
  // The last line of a killed process may be half.
  const lines = stdout.split("\n").filter((line) => line !== "" && (code < 128 || line.endsWith("}")));
  const records = lines.map((line) => JSON.parse(line));
  const summary = records.find(({ type }) => type === "summary");
  const pathOf = (path: string) => path === "." ? "." : encoded(path);
  return {
    code,
    failures: records.filter(({ type }) => type === "failure").map(({ path, code, message }) => ({
      path: pathOf(path),
      code,
      message,
    })),
    notices: summary?.notices ?? [],
    changes: records.filter(({ type }) => type === "entry").map(({ change, kind, path }) =>
      `${change} ${kind} ${pathOf(path)}`
    )
      .sort(),
    error: summary === undefined ? stderr : summary.error?.message,
  };
}

function foretells(dry: Report, real: Report, source: Tree): Complaints {
  // Which name of a linked file is met first, and so which is called its copy and which its link, is a matter of luck.
  const plain = (line: string) => {
    const entry = source.get(line.slice(line.lastIndexOf(" ") + 1));
    return entry !== undefined && entry.links > 1 && entry.type !== "d" ? `a name of ${entry.inode}` : line;
  };
  const [said, done] = [dry, real].map(({ changes }) => new Set(changes.map(plain)));
  const found: Complaints = [];
  for (const line of said) if (!done.has(line)) found.push(`only the dry run says: ${line}`);
  for (const line of done) if (!said.has(line)) found.push(`the dry run does not say: ${line}`);
  if (dry.code !== real.code) found.push(`the dry run ended with ${dry.code}, the run with ${real.code}`);
  return found;
}
