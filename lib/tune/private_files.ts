/** Small files of the user's own in the configuration folder: nobody else reads them, and none is ever seen half written. */

/** Makes the folder, readable by its owner only. Throws what the file system says. */
export function makePrivateDir(dir: string): void {
  Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/** Puts `text` at `dir`/`name` by a rename: readers see the old file or the new one. Throws what the file system says. */
export function replaceFile(dir: string, name: string, text: string): void {
  makePrivateDir(dir);
  const temporary = `${dir}/${name}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    Deno.writeTextFileSync(temporary, text, { mode: 0o600, createNew: true });
    Deno.renameSync(temporary, `${dir}/${name}`);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
