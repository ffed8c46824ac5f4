import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BlitError } from "../../lib/base/errors.ts";
import { placeJob, type Placement } from "../../lib/endpoint/place.ts";
import type { Job, Verb } from "../../lib/model/job.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";

function jobOf(verb: Verb, sources: string[], destination: string | undefined, changes: Partial<Job> = {}): Job {
  const filter = { rules: [] };
  return { verb, sources, destination, discard: destination === undefined, filter, ...changes } as unknown as Job;
}

async function tree(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.write({
    "d/a": "A",
    "d/sub/b": "B",
    "e": null,
    "f": "F",
    "toDir": { to: "d" },
    "toFile": { to: "f" },
    "toSub": { to: "d/sub" },
    "dangling": { to: "nothing" },
  });
  return dir;
}

/** Where an entry goes, with paths relative to the test's directory. */
function where(dir: TestDirectory, { sourceRoot, destinationRoot, entry, removeRoot }: Placement): unknown[] {
  const relative = (path: string | undefined) => path === undefined ? undefined : path.replace(`${dir.path}/`, "");
  const names = entry && `${entry.source} -> ${entry.destination}`;
  return [relative(sourceRoot), relative(destinationRoot), names, removeRoot];
}

Deno.test("a path means its contents with a slash, itself without, and a single entry takes the name it is given", async () => {
  await using dir = await tree();
  const at = dir.path;
  const table: [string, string, unknown[]][] = [
    // directories
    ["d/", "new", ["d", "new", undefined, false]],
    ["d", "new", ["d", "new/d", undefined, true]],
    ["d", "new/", ["d", "new/d", undefined, true]],
    ["d", "e", ["d", "e/d", undefined, true]],
    ["d/", "e/", ["d", "e/", undefined, false]],
    ["d//", "e", ["d", "e", undefined, false]],
    ["d/.", "new", ["d/.", "new", undefined, false]],
    ["d/sub/..", "new", ["d/sub/..", "new", undefined, false]],
    ["toDir/", "new", ["toDir", "new", undefined, false]],
    // single entries
    ["f", "new", [at, at, "f -> new", false]],
    ["f", "deep/new", [at, "deep", "f -> new", false]],
    ["f", "new/", [at, "new/", "f -> f", false]],
    ["f", "new/.", [at, "new/.", "f -> f", false]],
    ["f", "e", [at, "e", "f -> f", false]],
    ["f", "toDir", [at, "toDir", "f -> f", false]],
    ["d/a", "f", ["d", at, "a -> f", false]],
    ["toFile", "new", [at, at, "toFile -> new", false]],
    ["toDir", "new", [at, at, "toDir -> new", false]],
    ["dangling", "e", [at, "e", "dangling -> dangling", false]],
    ["d/a", ".", ["d", ".", "a -> a", false]],
  ];
  for (const [source, destination, expected] of table) {
    const to = destination === "." ? at : dir.at(destination);
    const [placement] = placeJob(jobOf("copy", [dir.at(source)], to));
    const [root, goal, ...rest] = where(dir, placement);
    assertEquals([root, goal === at ? "." : goal, ...rest], [
      expected[0],
      expected[1] === at ? "." : expected[1],
      ...expected.slice(2),
    ], `${source} to ${destination}`);
  }
});

Deno.test("several sources keep their names, and each finds its place", async () => {
  await using dir = await tree();
  const sources = ["d", "d/sub/", "f", "toDir"].map((name) => dir.at(name));
  for (const destination of ["e", "e/", "new/"]) {
    const placements = placeJob(jobOf("copy", sources, dir.at(destination)));
    const root = destination.replace(/\/?$/, "");
    assertEquals(placements.map((placement) => where(dir, placement).slice(1, 3)), [
      [`${root}/d`, undefined],
      [destination, undefined],
      [destination, "f -> f"],
      [destination, "toDir -> toDir"],
    ]);
  }
});

Deno.test("filters see a source that nests from its own name on, and list files see its contents", async () => {
  await using dir = await tree();
  const prefix = (source: string, changes: Partial<Job> = {}) =>
    placeJob(jobOf("copy", [dir.at(source)], dir.at("new"), changes))[0].filterPrefix;
  assertEquals([prefix("d"), prefix("d/"), prefix("f")], ["d/", "", ""]);
  assertEquals(prefix("d", { filter: { rules: [], filesFrom: ["a"] } }), "");
});

Deno.test("what is discarded has no destination", async () => {
  await using dir = await tree();
  const placements = placeJob(jobOf("copy", [dir.at("d"), dir.at("f")], undefined));
  assertEquals(placements.map((placement) => where(dir, placement).slice(1)), [
    [undefined, undefined, false],
    [undefined, "f -> f", false],
  ]);
});

/** [code, part of the message] of what must be refused. */
function refusal(verb: Verb, sources: string[], destination: string): [string, string] {
  const error = assertThrows(() => placeJob(jobOf(verb, sources, destination)), BlitError);
  assert(/^Cannot .*[^.]$/.test(error.message), error.message);
  return [error.code, error.message];
}

Deno.test("contradictions are usage errors and what is missing fails, each with its reason", async () => {
  await using dir = await tree();
  const table: [Verb, string[], string, string, string][] = [
    ["copy", ["missing"], "new", "failed", "no such file or directory"],
    ["copy", ["missing/"], "new", "failed", "no such file or directory"],
    ["copy", ["f/x"], "new", "failed", "no such file or directory"],
    ["copy", ["f/"], "new", "usage", "it is not a directory"],
    ["copy", ["f//"], "new", "usage", "it is not a directory"],
    ["copy", ["toFile/"], "new", "usage", "it is not a directory"],
    ["copy", ["f"], "missing/..", "usage", '".." follows a directory that does not exist'],
    ["copy", ["f"], "missing/../new", "usage", '".." follows a directory that does not exist'],
    ["copy", ["dangling/"], "new", "failed", "no such file or directory"],
    ["copy", ["d"], "f", "failed", "that is not a directory"],
    ["copy", ["f", "d"], "new", "usage", "it is not a directory"],
    ["copy", ["f", "d"], "toFile", "usage", "it is not a directory"],
    ["copy", ["d/"], "d", "usage", "onto itself"],
    ["copy", ["d/"], "toDir", "usage", "onto itself"],
    ["copy", ["toDir/"], "d/", "usage", "onto itself"],
    ["copy", ["d/sub/../"], "d", "usage", "onto itself"],
    ["copy", ["f"], "f", "usage", "onto itself"],
    ["copy", ["f"], ".", "usage", "onto itself"],
    ["copy", ["f"], "d/../f", "usage", "onto itself"],
    ["copy", ["d"], "d", "usage", "the destination is inside the source"],
    ["copy", ["d/"], "d/sub", "usage", "the destination is inside the source"],
    ["copy", ["d/"], "toSub", "usage", "the destination is inside the source"],
    ["copy", ["d/"], "toSub/deep/new", "usage", "the destination is inside the source"],
    ["move", ["d/"], "d/new", "usage", "the destination is inside the source"],
    ["copy", ["d/"], "missing/../d/sub", "usage", '".." follows a directory that does not exist'],
    ["mirror", ["d/sub/"], "d", "usage", "the source is inside the destination"],
    ["mirror", ["d/sub/"], ".", "usage", "the source is inside the destination"],
  ];
  for (const [verb, sources, destination, code, reason] of table) {
    const what = `${verb} ${sources} ${destination}`;
    const to = destination === "." ? dir.path : dir.at(destination);
    const [got, message] = refusal(verb, sources.map((source) => dir.at(source)), to);
    assertEquals(got, code, what);
    assert(message.includes(reason), `${what}: ${message}`);
  }
  assertEquals(refusal("copy", [""], dir.at("new"))[0], "usage");
  assertEquals(refusal("copy", [dir.at("d")], "")[0], "usage");
});

Deno.test("two names of one file may be copied onto each other, and one tree checked against itself inside", async () => {
  await using dir = await tree();
  await Deno.link(dir.at("f"), dir.at("e/f"));
  assertEquals(placeJob(jobOf("copy", [dir.at("f")], dir.at("e"))).length, 1);
  assertEquals(placeJob(jobOf("check", [dir.at("d/")], dir.at("d/sub"))).length, 1);
});

/** Where a path leads, judged by Deno's own realpath; what is missing counts as an ordinary name. */
function resolved(path: string): string {
  let at = "/";
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    const next = part === ".." ? `${at}/..` : `${at}/${part}`;
    try {
      at = Deno.realPathSync(next);
    } catch {
      at = part === ".." ? at.replace(/\/[^/]*$/, "") || "/" : next.replace("//", "/");
    }
  }
  return at;
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Whether something else than a directory stands in the path: nothing can be made there. */
function leadsThroughFile(path: string): boolean {
  for (let at = path; at !== "/"; at = at.replace(/\/[^/]*$/, "") || "/") {
    try {
      return !Deno.lstatSync(at).isDirectory;
    } catch {
      continue;
    }
  }
  return false;
}

Deno.test("no placement ever leads into its own source, or deletes it", async () => {
  await using dir = await tree();
  const part = fc.constantFrom("d", "sub", "e", "f", "a", "toDir", "toSub", "toFile", "new", "..", ".", "");
  const path = fc.array(part, { maxLength: 5 }).map((parts) => `${dir.path}/${parts.join("/")}`)
    .filter((path) => isInside(resolved(path), dir.path));
  const verb = fc.constantFrom<Verb>("copy", "mirror", "move");
  let placed = 0;
  fc.assert(
    fc.property(verb, path, path, (verb, source, destination) => {
      let placements: Placement[];
      try {
        placements = placeJob(jobOf(verb, [source], destination));
      } catch (error) {
        assert(error instanceof BlitError, `${error}`);
        return;
      }
      const [{ sourceRoot, destinationRoot, entry }] = placements;
      placed++;
      const [from, to] = [resolved(sourceRoot), resolved(destinationRoot!)];
      if (entry) {
        assert(from !== to || entry.source !== entry.destination, "an entry onto itself");
        assert(!/[/]|^\.{0,2}$/.test(entry.source) && !/[/]|^\.{0,2}$/.test(entry.destination), JSON.stringify(entry));
        return;
      }
      assert(leadsThroughFile(to) || !isInside(to, from), `${to} is inside ${from}`);
      if (verb === "mirror") assert(!isInside(from, to), `${from} would be deleted from ${to}`);
    }),
    { numRuns: 1500 },
  );
  assert(placed > 50);
});
