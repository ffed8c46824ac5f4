/**
 * Says whether one tree is a faithful copy of another. Two judges that know nothing of blit and little of each other:
 * rsync with every attribute switched on (it compares content by checksum), and a listing of our own (snapshot.ts), which
 * also sees nanoseconds, holes, hard-link groups and what rsync cannot reach.
 */

import { AssertionError } from "@std/assert";
import { type Comparison, differences, snapshot } from "./snapshot.ts";
import { temporaryNames } from "./environment.ts";
import { isRoot } from "./needs.ts";

export interface OracleOptions extends Comparison {
  /** Off for trees that rsync cannot handle (paths longer than PATH_MAX). Default true. */
  readonly rsync?: boolean;
}

/** Throws an AssertionError that lists the differences. */
export async function assertFaithful(source: string, destination: string, options: OracleOptions = {}): Promise<void> {
  const found = await unfaithful(source, destination, options);
  if (found.length === 0) return;
  const shown = found.slice(0, 25).map((line) => line.length > 300 ? `...${line.slice(-300)}` : line).join("\n  ");
  throw new AssertionError(`${destination} is no faithful copy of ${source}; ${found.length} differences:\n  ${shown}`);
}

/** The differences, one line each, leftover temporary files among them. */
export async function unfaithful(source: string, destination: string, options: OracleOptions = {}): Promise<string[]> {
  const [from, to] = [await snapshot(source), await snapshot(destination)];
  const found = differences(from, to, { owners: isRoot, ...options });
  found.push(...temporaryNames(to).map((path) => `${path}: a temporary file was left`));
  if (options.rsync !== false) {
    found.push(...(await rsyncDifferences(source, destination)).map((line) => `rsync: ${line}`));
  }
  return found;
}

/** What rsync would still have to do to make the trees equal. */
export async function rsyncDifferences(source: string, destination: string): Promise<string[]> {
  const args = [
    "-aHAXn",
    "--numeric-ids",
    "--checksum",
    "--delete",
    "--itemize-changes",
    // xfs makes them of the access control lists, which are compared themselves.
    "--filter=-x trusted.SGI_ACL_*",
    `${source}/`,
    `${destination}/`,
  ];
  const output = await new Deno.Command("rsync", { args, stdin: "null", stdout: "piped", stderr: "piped" }).output();
  const lines = `${new TextDecoder().decode(output.stdout)}${new TextDecoder().decode(output.stderr)}`.split("\n");
  return lines.filter((line) => line !== "");
}
