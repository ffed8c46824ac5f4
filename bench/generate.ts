/** Makes the trees of manifests on a file system, and takes them away. Nothing here is timed. */

import { BenchError } from "./failure.ts";
import { encodeEntry, type Entry } from "./manifest.ts";
import { program } from "./native.ts";
import { run, throwIfAborted } from "./process.ts";

const chunkBytes = 256 * 1024;

/** Creates or completes `root`; files that exist are replaced. Raises BenchError, the tree then half made. */
export async function makeTree(root: string, entries: Iterable<Entry>, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  const child = new Deno.Command(await program("make_tree"), {
    args: [root],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
    signal,
  }).spawn();
  const fed = feed(child.stdin, entries).catch(() => {});
  const { success, stderr } = await child.output();
  await fed;
  throwIfAborted(signal);
  if (!success) throw new BenchError(`Cannot make the tree "${root}": ${new TextDecoder().decode(stderr).trim()}`);
}

/** A broken pipe here means that make_tree failed, and its exit says why. */
async function feed(stdin: WritableStream<Uint8Array>, entries: Iterable<Entry>): Promise<void> {
  const writer = stdin.getWriter();
  const encoder = new TextEncoder();
  let text = "";
  for (const entry of entries) {
    text += encodeEntry(entry);
    if (text.length < chunkBytes) continue;
    await writer.write(encoder.encode(text));
    text = "";
  }
  await writer.write(encoder.encode(text));
  await writer.close();
}

/** Removes a tree; nothing there is fine. */
export async function removeTree(root: string, signal?: AbortSignal): Promise<void> {
  await run(["rm", "-rf", "--", root], signal);
}
