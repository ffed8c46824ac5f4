/** What a daemon does not give to whoever sends it, and that nothing else is lost by it. */

import { assertEquals, assertMatch } from "@std/assert";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { command, linux, root, testNeeding } from "../support/needs.ts";
import { blit, blitJson, UNPRIVILEGED_ID } from "../support/program.ts";

const needs = [linux, root, command("setfattr"), command("setfacl")];

async function shell(script: string, cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", { args: ["-ec", `umask 022; ${script}`], cwd })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd();
}

/** A file of each size class with set-id bits, and everything else that gives rights. */
const dangerous = `
  mkdir -p src/dir; cd src
  echo program > small; truncate -s 20M large; echo x >> large; echo linked > one; ln one two
  chown 0:7 *
  chmod 4755 small; chmod 6711 large; chmod 2755 one; chmod 2775 dir
  mknod char c 1 3; mknod block b 7 200; mkfifo pipe
  setfattr -n trusted.t -v 1 small; setfattr -n user.u -v kept small; setfattr -n trusted.t -v 1 dir
  setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 small
  setfacl -m u:33:r small
  touch -d @1000 small large one dir`;

/** Modes, owners, times and kinds; then the attributes. */
function look(dir: TestDirectory, name: string): Promise<string> {
  return shell(
    `cd ${name}; stat -c '%n %A %u:%g %Y' small large one two dir; find . -type c -o -type b | sort; getfattr -d -m - small dir | grep -v '^#'`,
    dir.path,
  );
}

async function daemonOn(dir: TestDirectory, privileged: string): Promise<TestDaemon> {
  const module = (name: string) => `[[modules]]\nname = "${name}"\npath = "$DIR/${name}"\n`;
  await dir.write({ to: null });
  return await startDaemon(dir, {
    config: `allow_daemons = ["127.0.0.1"]\n${module("to")}${privileged}${module("src")}`,
  });
}

const withheld = `small -rwxr-xr-x 0:7 1000
large -rwx--x--x 0:7 1000
one -rwxr-xr-x 0:7 1000
two -rwxr-xr-x 0:7 1000
dir drwxrwxr-x 0:7 1000`;

const said = [
  /the daemon gives no set-user-id and set-group-id bits; "privileged = true" in its module/,
  /the daemon keeps no attributes in security\.\* and trusted\.\*; "privileged = true"/,
  /the daemon makes no device nodes: they are left out; "privileged = true"/,
];

for (const way of ["pushed", "pushed inside the control channel", "fetched"]) {
  testNeeding(
    needs,
    `${way}: a daemon gives no set-id bits, devices and security attributes, says so, and keeps the rest`,
    async () => {
      await using dir = await testDirectory();
      await shell(dangerous, dir.path);
      await using daemon = await daemonOn(dir, "");
      const args = [way === "fetched" ? daemon.place("src/") : dir.at("src/"), daemon.place("to/dst/")];
      if (way.includes("inside")) args.push("--force-inline");
      const planned = await blitJson(["mirror", ...args, "--yes", "--dry-run"]);
      assertExit(planned, 0);
      const first = await blitJson(["mirror", ...args, "--yes"]);
      assertExit(first, 0);
      for (const words of said) {
        assertEquals(first.summary.notices.filter((notice: string) => words.test(notice)).length, 1);
      }
      const seen = await look(dir, "to/dst");
      assertEquals(seen.slice(0, withheld.length), withheld);
      assertMatch(seen, /user\.u="kept"/);
      assertMatch(seen, /system\.posix_acl_access/);
      assertEquals(/trusted|security|\.\/(char|block)/.test(seen), false, seen);
      const again = await blitJson(["mirror", ...args, "--yes"]);
      assertExit(again, 0);
      assertSummary(again, { files_copied: 0, files_deleted: 0, files_failed: 0 });
      assertExit(await blitJson(["check", ...args]), 0);
      assertExit(await blitJson(["check", ...args, "--checksum"]), 0);
    },
  );
}

testNeeding(needs, "a privileged module gets all of it, and the log says what that means", async () => {
  await using dir = await testDirectory();
  await shell(dangerous, dir.path);
  await using daemon = await daemonOn(dir, "privileged = true\n");
  const warned = await daemon.event("privileged");
  assertEquals([warned.level, warned.modules], ["warning", "to"]);
  assertMatch(warned.meaning, /whoever may write there/);
  const result = await blitJson(["copy", dir.at("src/"), daemon.place("to/dst/")]);
  assertExit(result, 0);
  assertSummary(result, { notices: [] });
  assertEquals(await look(dir, "to/dst"), await look(dir, "src"));
});

testNeeding(needs, "a stranger on the machine gets no set-id program into a root daemon's module", async () => {
  await using dir = await testDirectory();
  await shell("mkdir src to; cp /bin/true src/shell; chmod 4755 src/shell; chmod 755 .", dir.path);
  await using daemon = await startDaemon(dir, { root: "to" });
  const result = await blit(["copy", dir.at("src/shell"), daemon.place("default/")], { unprivileged: true });
  assertExit(result, 0);
  assertMatch(result.stderr, said[0]);
  assertEquals(await shell("stat -c '%a %u' to/shell", dir.path), "755 0");
});

testNeeding(needs, "a move keeps the devices that a daemon does not make", async () => {
  await using dir = await testDirectory();
  await shell("mkdir src; echo x > src/file; mknod src/null c 1 3", dir.path);
  await using daemon = await daemonOn(dir, "");
  assertExit(await blit(["move", dir.at("src/"), daemon.place("to/dst/")]), 0);
  assertEquals(await dir.names("src"), ["null"]);
  assertEquals(await dir.names("to/dst"), ["file"]);
});

testNeeding(needs, "what the owner of a module made of a directory, its files and devices stays", async () => {
  await using dir = await testDirectory();
  await shell(
    `mkdir -p src/dir to/dst/dir; echo 1 > src/dir/new; echo same > src/tool; cp -p src/tool to/dst/tool; mknod src/null c 1 3
     chown ${UNPRIVILEGED_ID} src/dir; chgrp 7 to/dst/dir; chmod 2775 to/dst/dir; chmod 4755 to/dst/tool; mknod to/dst/null c 1 3
     chmod 755 src/tool`,
    dir.path,
  );
  await using daemon = await daemonOn(dir, "");
  assertExit(await blit(["mirror", dir.at("src/"), daemon.place("to/dst/"), "--yes"]), 0);
  assertEquals(
    await shell("cd to/dst; stat -c '%n %A' dir tool null", dir.path),
    "dir drwxr-sr-x\ntool -rwsr-xr-x\nnull crw-r--r--",
  );
});

/** What differs of the source; what is left of a file of mode 6754, group 7 and with capabilities. The content is the same but for one. */
const ofTheOwner: readonly [change: string, left: string][] = [
  ["touch -d @2000", "-rwsr-sr-- 0:7 capable"],
  ["setfattr -n user.u -v 1", "-rwsr-sr-- 0:7 capable"],
  ["chmod 755", "-rwxr-xr-x 0:7"],
  ["chgrp 8", "-rwxr-xr-- 0:8"],
  ["chown 1", "-rwxr-xr-- 1:7"],
  ["setfacl -m u:33:r,m::rx", "-rwxr-xr-- 0:7"],
  ["cp /bin/false", "-rwxr-xr-- 0:7"],
];

for (const way of ["pushed", "fetched"]) {
  testNeeding(
    needs,
    `${way}: a program keeps its rights only while it and who may run it stay the owner's`,
    async () => {
      await using dir = await testDirectory();
      await dir.write({ to: null });
      const capable = "-n security.capability -v 0x0100000200040000000000000000000000000000";
      for (const [i, [change]] of ofTheOwner.entries()) {
        await shell(
          `mkdir -p src to/dst; cp /bin/true src/${i}; touch -d @1000 src/${i}; chgrp 7 src/${i}; chmod 754 src/${i}
           cp -p src/${i} to/dst/${i}; chmod 6754 to/dst/${i}; setfattr ${capable} to/dst/${i}; ${change} src/${i}`,
          dir.path,
        );
      }
      await using daemon = await daemonOn(dir, "");
      const args = ["copy", "-c", way === "fetched" ? daemon.place("src/") : dir.at("src/"), daemon.place("to/dst/")];
      assertExit(await blitJson(args), 0);
      const seen = await shell(
        `cd to/dst; for f in *; do echo "$(stat -c '%A %u:%g' $f) $(getfattr -d -m security.cap $f | grep -q cap && echo capable)"; done`,
        dir.path,
      );
      assertEquals(seen.split("\n").map((line) => line.trimEnd()), ofTheOwner.map(([, left]) => left));
      assertEquals(await shell("stat -c %Y to/dst/0; getfattr --only-values -n user.u to/dst/1", dir.path), "2000\n1");
      assertSummary(await blitJson(args), { files_copied: 0, files_metadata_only: 0 });
    },
  );
}

testNeeding(
  needs,
  "a user's daemon takes set-id bits from that user's own files, too, when their modes change",
  async () => {
    await using dir = await testDirectory();
    await shell(
      `mkdir src to; cp /bin/true src/tool; cp -p src/tool to/tool; chown -R ${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID} to
     chmod 4700 to/tool; chmod 755 . src/tool`,
      dir.path,
    );
    await using daemon = await startDaemon(dir, { root: "to", unprivileged: true });
    const result = await blitJson(["copy", dir.at("src/"), daemon.place("default/")]);
    assertExit(result, 0);
    assertEquals(await shell("stat -c %a to/tool", dir.path), "755");
  },
);

testNeeding([linux], "--privileged is for --root", async () => {
  const result = await blit(["daemon", "--config", "/nonexistent", "--privileged"]);
  assertExit(result, 64);
  assertMatch(result.stderr, /"--privileged" is for the directory of "--root"/);
});
