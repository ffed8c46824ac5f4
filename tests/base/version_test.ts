import { assertEquals } from "@std/assert";
import { headCommit } from "../../lib/base/version.ts";

const hash = "0123456789abcdef0123456789abcdef01234567";
const other = "f".repeat(40);

const states: Record<string, [files: Record<string, string>, commit: string | undefined]> = {
  "a branch": [{ ".git/HEAD": "ref: refs/heads/a/b\n", ".git/refs/heads/a/b": `${hash}\n` }, hash.slice(0, 12)],
  "a packed branch": [
    {
      ".git/HEAD": "ref: refs/heads/b\n",
      ".git/packed-refs":
        `# pack-refs with: peeled\n${other} refs/heads/a/b\n${hash} refs/heads/b\n${other} refs/tags/b\n`,
    },
    hash.slice(0, 12),
  ],
  "a branch moved since it was packed": [
    {
      ".git/HEAD": "ref: refs/heads/b\n",
      ".git/refs/heads/b": `${hash}\n`,
      ".git/packed-refs": `${other} refs/heads/b\n`,
    },
    hash.slice(0, 12),
  ],
  "a detached head": [{ ".git/HEAD": `${hash}\n` }, hash.slice(0, 12)],
  "a repository without commits": [{ ".git/HEAD": "ref: refs/heads/main\n" }, undefined],
  "what is no repository": [{}, undefined],
};

for (const [state, [files, commit]] of Object.entries(states)) {
  Deno.test(`the commit is found on ${state}`, () => {
    assertEquals(headCommit((path) => files[path]), commit);
  });
}
