import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { absenceOf, roomMissing, sweepAbandoned, withPlace } from "../../bench/places.ts";
import { command, fileSystem, linux, testNeeding } from "../support/needs.ts";

const room = { bytes: 2 ** 20, entries: 100 };

Deno.test(
  { name: "a place is gone after use, also when its body throws", ignore: Deno.build.os !== "linux" },
  async () => {
    const parent = await Deno.makeTempDir({ prefix: "blit-bench-test-" });
    try {
      let root = "";
      await assertRejects(
        () =>
          withPlace(`${parent}/`, room, undefined, async (place) => {
            root = place.root;
            await Deno.writeTextFile(`${root}/file`, "x");
            throw new RangeError("broken");
          }),
        RangeError,
        "broken",
      );
      assertStringIncludes(root, parent);
      assertEquals([...Deno.readDirSync(parent)], []);
    } finally {
      await Deno.remove(parent, { recursive: true });
    }
  },
);

testNeeding([linux], "only what a dead bench left is swept away", async () => {
  const parent = await Deno.makeTempDir({ prefix: "blit-bench-test-" });
  try {
    const ended = new Deno.Command("true").spawn();
    await ended.status;
    const dead = `${parent}/blit-bench-${ended.pid}-a1b2c3`;
    await Deno.mkdir(`${dead}/source`, { recursive: true });
    await Deno.mkdir(`${parent}/blit-bench-${Deno.pid}-a1b2c3`);
    await Deno.mkdir(`${parent}/other-1`);
    assertEquals(await sweepAbandoned(parent), [dead]);
    assertEquals(
      [...Deno.readDirSync(parent)].map(({ name }) => name).sort(),
      [`blit-bench-${Deno.pid}-a1b2c3`, "other-1"].sort(),
    );
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

testNeeding([linux], "places of one process at one time do not meet", async () => {
  const parent = await Deno.makeTempDir({ prefix: "blit-bench-test-" });
  try {
    const roots: string[] = [];
    await withPlace(`${parent}/`, room, undefined, async (one) => {
      await withPlace(`${parent}/`, room, undefined, (other) => {
        roots.push(one.root, other.root);
        return Promise.resolve();
      });
    });
    assertNotEquals(roots[0], roots[1]);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

testNeeding([linux], "memory that is not there is told with what is", async () => {
  assertEquals(await roomMissing("tmpfs", room), undefined);
  assertStringIncludes(await roomMissing("tmpfs", { bytes: 2 ** 60, entries: 100 }) ?? "", "of memory");
});

Deno.test("a place that cannot be used says why", async () => {
  assertStringIncludes(await absenceOf("ntfs") ?? "", "unknown");
  assertEquals(await absenceOf("/no/such/directory"), "no such directory");
});

for (const id of ["tmpfs", "xfs", "ext4", "btrfs"]) {
  testNeeding([fileSystem(id), command("losetup")], `${id} is mounted and taken away`, async () => {
    let root = "";
    await withPlace(id, room, undefined, async (place) => {
      root = place.root;
      assertStringIncludes(await Deno.readTextFile("/proc/mounts"), ` ${root} ${id} `);
      await Deno.writeTextFile(`${root}/file`, "x");
    });
    assertEquals((await Deno.readTextFile("/proc/mounts")).includes(root), false);
    const working = root.replace(/\/mnt$/, "");
    assertEquals(await Deno.stat(working).catch(() => "gone"), "gone");
    const loops = await new Deno.Command("losetup", { args: ["-a"] }).output();
    assertEquals(new TextDecoder().decode(loops.stdout).includes(working), false);
  });
}
