/** What a destination cannot keep of an entry besides its content: one remark for a kind, a failure where it is this entry's own. */

import { assertEquals } from "@std/assert";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary, failureOf } from "../support/expect.ts";
import { type FileSystemKind, type Mount, mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult } from "../support/program.ts";
import { directions, type Way, ways } from "./ways.ts";

/** A directory on one file system and one on another, and jobs from the first to the second: locally or through a daemon. */
class Pair implements AsyncDisposable {
  private constructor(
    readonly way: Way | undefined,
    readonly from: TestDirectory,
    readonly to: TestDirectory,
    private readonly mounts: readonly Mount[],
    private readonly daemon: TestDaemon | undefined,
  ) {}

  static async open(way: Way | undefined, from: FileSystemKind, to: FileSystemKind): Promise<Pair> {
    const mounts = [await mountNew(from), await mountNew(to)];
    const [source, target] = [await testDirectory(mounts[0].path), await testDirectory(mounts[1].path)];
    const module = (name: string, path: string) =>
      `[[modules]]\nname = "${name}"\npath = "${path}"\nprivileged = true\n`;
    const config = `allow_daemons = ["127.0.0.1"]\n${module("from", source.path)}${module("to", target.path)}`;
    const daemon = way && await startDaemon(target, { config });
    return new Pair(way, source, target, mounts, daemon);
  }

  /** `blit VERB src/ dst OPTIONS` */
  run(verb: string, ...options: string[]): Promise<JsonResult> {
    const { way, daemon } = this;
    const source = way === undefined || way.remote === "destination"
      ? this.from.at("src/")
      : daemon!.place("from/src/");
    const destination = way === undefined || way.remote === "source" ? this.to.at("dst") : daemon!.place("to/dst");
    return blitJson([verb, source, destination, ...options, ...way?.inline ? ["--force-inline"] : []]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon?.[Symbol.asyncDispose]();
    for (const mount of this.mounts) await mount[Symbol.asyncDispose]();
  }
}

async function shell(script: string, cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", { args: ["-ec", script], cwd }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd();
}

const needs = [linux, command("setfattr"), fileSystem("xfs"), fileSystem("ext4")];
const tooLarge = `head -c 60000 /dev/zero | tr '\\0' x`;

/** ext4 has room for one block of attributes; xfs has more. Each kind of entry, and an attribute that fits on each. */
const everyKindTooLarge = `
  mkdir -p src/dir; cd src
  echo small > small; head -c 20000000 /dev/urandom > large; ln -s small link; mkfifo pipe; echo inside > dir/inside
  ln small second
  for file in small large dir; do setfattr -n user.big -v "$(${tooLarge})" $file; setfattr -n user.fits -v yes $file; done
  for file in link pipe; do setfattr -h -n trusted.big -v "$(${tooLarge})" $file; done`;

for (const way of [undefined, ...ways]) {
  const name = way === undefined ? "locally" : way.name;
  testNeeding(
    needs,
    `${name}: an attribute that is too large fails its entry by name, all else is there, and a rerun tries again`,
    async () => {
      await using pair = await Pair.open(way, "xfs", "ext4");
      const { from, to } = pair;
      await shell(everyKindTooLarge, from.path);
      for (const run of ["first", "second"]) {
        const result = await pair.run("copy");
        assertExit(result, 2);
        for (const path of ["small", "large", "dir"]) {
          assertEquals(failureOf(result, path), {
            path,
            code: "ENOSPC",
            message: `Cannot copy the extended attribute "user.big": no space left on device`,
          }, run);
        }
        for (const path of ["link", "pipe"]) {
          assertEquals(
            failureOf(result, path).message,
            `Cannot copy the extended attribute "trusted.big": no space left on device`,
          );
        }
        assertSummary(result, { failures_total: 5, notices: [] });
        const listing = "find . -printf '%p %y %m %T@ %n %l\\n' | sort; sha256sum small large dir/inside";
        assertEquals(await shell(listing, to.at("dst")), await shell(listing, from.at("src")));
        assertEquals(
          await shell("getfattr -n user.fits --only-values small large dir", to.at("dst")),
          "yesyesyes",
        );
      }
      await shell("for f in small large dir; do setfattr -x user.big $f; done", from.at("src"));
      await shell("for f in link pipe; do setfattr -h -x trusted.big $f; done", from.at("src"));
      const mended = await pair.run("copy");
      assertExit(mended, 0);
      assertSummary(mended, { bytes_copied: 0, failures_total: 0 });
    },
  );

  testNeeding(needs, `${name}: a move keeps what could not be kept whole at the destination`, async () => {
    await using pair = await Pair.open(way, "xfs", "ext4");
    await shell(everyKindTooLarge, pair.from.path);
    assertExit(await pair.run("move"), 2);
    const left = await shell(
      "find . -mindepth 1 | sort; getfattr --only-values -n user.big dir | wc -c",
      pair.from.at("src"),
    );
    assertEquals(left, ["./dir", "./large", "./link", "./pipe", "./small", "60000"].join("\n"));
    assertEquals(await shell("cat dir/inside small second", pair.to.at("dst")), "inside\nsmall\nsmall");
  });
}

for (const way of [undefined, ...directions]) {
  const name = way === undefined ? "locally" : way.name;
  testNeeding(
    [...needs, command("setfacl")],
    `${name}: a kind of attribute that the destination has not is one remark, and no failure`,
    async () => {
      await using pair = await Pair.open(way, "xfs", "ramfs");
      await shell(
        "mkdir -p src/dir; cd src; echo 1 > a; echo 2 > b; setfattr -n user.x -v 1 a b dir; setfacl -m u:5:r a b dir",
        pair.from.path,
      );
      const result = await pair.run("copy");
      assertExit(result, 0);
      assertEquals(result.summary.notices.sort(), [
        "the destination cannot keep the access control lists of some entries",
        "the destination cannot keep the extended attributes of some entries",
      ]);
      assertSummary(await pair.run("copy"), { files_copied: 0, notices: [] });
    },
  );
}
