/** Error numbers of the systems that the shim runs on. */

import { constants } from "node:os";
import { assert, assertEquals } from "@std/assert";
import { attributeError, engineError, namedError } from "../../lib/native/errno.ts";

const READ = 2;
const NODE = 20;

Deno.test({
  name: "the numbers of this system have the names that it gives them",
  ignore: Deno.build.os !== "linux" && Deno.build.os !== "darwin",
  fn() {
    const named = Object.entries(constants.errno).filter(([name]) => namedError(name, READ) !== undefined);
    assert(named.length > 25);
    const aliases: Record<string, string> = Deno.build.os === "linux" ? { ENOTSUP: "EOPNOTSUPP" } : {};
    for (const [name, number] of named) assertEquals(engineError(number, READ).code, aliases[name] ?? name);
  },
});

Deno.test("macOS' own numbers have the names and words that the same errors have on Linux", () => {
  const numbers: [code: string, linux: number, darwin: number][] = [
    ["EAGAIN", 11, 35],
    ["ENAMETOOLONG", 36, 63],
    ["ENOSYS", 38, 78],
    ["ENOTEMPTY", 39, 66],
    ["ELOOP", 40, 62],
    ["ENODATA", 61, 96],
    ["EBADMSG", 74, 94],
    ["EOVERFLOW", 75, 84],
    ["EILSEQ", 84, 92],
    ["EOPNOTSUPP", 95, 102],
    ["ENOTCONN", 107, 57],
    ["ETIMEDOUT", 110, 60],
    ["EHOSTDOWN", 112, 64],
    ["ESTALE", 116, 70],
    ["EDQUOT", 122, 69],
    ["ENOSPC", 28, 28],
  ];
  for (const [code, linux, darwin] of numbers) {
    assertEquals(engineError(darwin, READ, "darwin").code, code);
    assertEquals(engineError(darwin, READ, "darwin"), engineError(linux, READ, "linux"));
  }
});

Deno.test("a number that means something else on macOS does not get its name on Linux", () => {
  // There they are EDEADLK, EINPROGRESS, ENOTSOCK, EDESTADDRREQ, EMSGSIZE, ECONNREFUSED, EPROGUNAVAIL, EPROGMISMATCH, EMULTIHOP.
  for (const number of [11, 36, 38, 39, 40, 61, 74, 75, 95]) {
    assertEquals(engineError(number, READ, "darwin"), {
      code: `E${number}`,
      message: `Cannot read: error ${number}`,
      unread: true,
    });
  }
});

Deno.test("an error says where something of the source was not read", () => {
  const [OPEN, WRITE, LIST, LIST_DESTINATION, CHANGED, PROTOCOL] = [1, 4, 16, 17, 4001, 4008];
  for (const step of [OPEN, READ, LIST]) {
    assertEquals(engineError(13, step).unread, true);
    assertEquals(engineError(9999, step).unread, true);
    assertEquals(engineError(PROTOCOL, step).unread, true);
    // Gone again, or other than before: neither hides anything.
    assertEquals(engineError(2, step).unread, undefined);
    assertEquals(engineError(CHANGED, step).unread, undefined);
  }
  for (const step of [WRITE, LIST_DESTINATION]) assertEquals(engineError(13, step).unread, undefined);
});

Deno.test("what a file system without special files says is unsupported under each of its numbers", () => {
  for (const [number, os] of [[95, "linux"], [45, "darwin"], [102, "darwin"], [1, "linux"], [1, "darwin"]] as const) {
    assertEquals(engineError(number, NODE, os).code, "unsupported");
    assert(engineError(number, READ, os).code !== "unsupported");
  }
});

Deno.test("a failure that concerns one attribute names it", () => {
  assertEquals(attributeError(28, "user.$& big", "linux"), {
    code: "ENOSPC",
    message: `Cannot copy the extended attribute "user.$& big": no space left on device`,
  });
  assertEquals(attributeError(13, "system.posix_acl_default", "linux"), {
    code: "EACCES",
    message: "Cannot copy the access control list: permission denied",
  });
});

Deno.test("Windows' shim speaks in Linux' numbers", () => {
  assertEquals(engineError(39, READ, "windows").code, "ENOTEMPTY");
});
