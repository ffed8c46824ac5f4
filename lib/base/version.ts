/**
 * What this build is: the version from deno.json and the commit it was made from.
 *
 * An executable carries its commit in a file that the compile task put in; a source tree is read where git keeps it,
 * without starting git. `commit` is "unknown" where neither is there (an unpacked archive, a linked work tree).
 */

import config from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url);

export const version: string = config.version;

/** 12 hexadecimal digits; "-dirty" follows when an executable was made from changed files. */
export const commit: string = (Deno.build.standalone ? read("native/build/commit") : headCommit(read)) ?? "unknown";

/** The commit that is checked out. `read` gives the text of a file in the project's root, if it is there. */
export function headCommit(read: (path: string) => string | undefined): string | undefined {
  const head = read(".git/HEAD")?.trim();
  const ref = head?.match(/^ref: (.+)$/)?.[1];
  // Refs that nobody moved since `git gc` stand together in one file.
  const packed = () => read(".git/packed-refs")?.split("\n").find((line) => line.endsWith(` ${ref}`));
  const hash = ref === undefined ? head : read(`.git/${ref}`) ?? packed();
  return hash?.slice(0, 12);
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(path, root)).trim();
  } catch {
    return undefined;
  }
}
