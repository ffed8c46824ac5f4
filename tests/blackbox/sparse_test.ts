/** A sparse terabyte costs what is in it: nothing reads its holes, whether it is copied, verified or compared. */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { linux, mounting, testNeeding } from "../support/needs.ts";
import { blitJson } from "../support/program.ts";
import { Scene, ways } from "../transfer/ways.ts";

const TIB = 2 ** 40;
/** Reading a hole of that size takes minutes, and a run that long is ended. */
const places = [0, TIB / 3, TIB - 5];

async function terabyte(dir: TestDirectory): Promise<void> {
  await dir.write({ "src": null });
  await put(dir, "src/huge", "here!");
  using file = await Deno.open(dir.at("src/huge"), { write: true });
  await file.truncate(TIB);
  await dir.setTime("src/huge", 1_000_000_000);
}

async function put(dir: TestDirectory, name: string, text: string, at = places): Promise<void> {
  using file = await Deno.open(dir.at(name), { write: true, create: true });
  for (const place of at) {
    await file.seek(place, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(text));
  }
}

async function assertWhole(dir: TestDirectory): Promise<void> {
  const { size, blocks } = await Deno.stat(dir.at("dst/huge"));
  assert(size === TIB && blocks! * 512 < 1_000_000);
  using file = await Deno.open(dir.at("dst/huge"));
  for (const place of places) {
    await file.seek(Math.floor(place), Deno.SeekMode.Start);
    const bytes = new Uint8Array(5);
    await file.read(bytes);
    assertEquals(new TextDecoder().decode(bytes), "here!");
  }
}

testNeeding([linux], "a sparse terabyte is verified, compared and moved without its holes being read", async () => {
  await using dir = await testDirectory();
  await terabyte(dir);
  assertExit(await blitJson(["copy", "--verify", dir.at("src/"), dir.at("dst")]), 0);
  await assertWhole(dir);
  const same = await blitJson(["copy", "--checksum", dir.at("src/"), dir.at("dst")]);
  assertExit(same, 0);
  assertSummary(same, { files_unchanged: 1, bytes_copied: 0 });
  // One byte in a hole of the destination, of the same size and time.
  await put(dir, "dst/huge", "!", [TIB / 2]);
  await dir.setTime("dst/huge", 1_000_000_000);
  const moved = await blitJson(["move", dir.at("src/"), dir.at("dst")]);
  assertExit(moved, 0);
  assertSummary(moved, { files_copied: 1, files_removed: 1 });
  await assertWhole(dir);
});

testNeeding([linux, mounting], "the largest files cost what is in them, and keep their last byte", async () => {
  await using mount = await mountNew("tmpfs");
  const size = 7 * 2 ** 60;
  const at = (name: string) => `${mount.path}/${name}`;
  await Deno.mkdir(at("src"));
  await Deno.writeTextFile(at("src/huge"), "first");
  // Numbers do not tell such an offset from its neighbours.
  const put = `truncate -s ${BigInt(size) + 5n} "$1" && printf last | dd of="$1" bs=1 seek=${
    BigInt(size) + 1n
  } conv=notrunc`;
  assert((await new Deno.Command("sh", { args: ["-c", put, "sh", at("src/huge")], stderr: "null" }).output()).success);
  for (const words of [["copy"], ["copy", "--verify", "--ignore-times"], ["check", "--checksum"], ["move"]]) {
    assertExit(await blitJson([...words, at("src/"), at("dst")]), 0);
    const tail = await new Deno.Command("tail", { args: ["-c", "4", at("dst/huge")] }).output();
    assertEquals(new TextDecoder().decode(tail.stdout), "last");
  }
});

for (const way of ways.filter(({ inline, remote }) => !inline && remote !== "both")) {
  testNeeding(
    [linux],
    `${way.name}: a sparse terabyte is verified and compared without its holes being read`,
    async () => {
      await using scene = await Scene.open(way);
      const { dir } = scene;
      await terabyte(dir);
      assertExit(await scene.run("copy", "src/", "dst", "--verify"), 0);
      await assertWhole(dir);
      const same = await scene.run("copy", "src/", "dst", "--checksum");
      assertExit(same, 0);
      assertSummary(same, { files_unchanged: 1, bytes_copied: 0 });
      await put(dir, "dst/huge", "!", [TIB / 2]);
      await dir.setTime("dst/huge", 1_000_000_000);
      const differs = await scene.run("check", "src/", "dst", "--checksum");
      assertExit(differs, 2);
    },
  );
}
