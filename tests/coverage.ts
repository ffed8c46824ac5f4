/** Turns the raw coverage that test runs left in a folder into the coverage of one folder's lines. */

export interface FileCoverage {
  /** Relative to the folder that was asked for. */
  readonly path: string;
  readonly found: number;
  readonly missed: number;
}

export interface LineCoverage {
  readonly found: number;
  readonly hit: number;
  /** Those with the most missed lines first. */
  readonly files: readonly FileCoverage[];
}

/** Lines of the files below `folder` (ends in a slash). Throws an Error where `deno coverage` fails. */
export async function lineCoverage(coverageDir: string, folder: URL): Promise<LineCoverage> {
  await removeTorn(coverageDir);
  const below = folder.href.replace(/[.*+?^$|(){}[\]]/g, "\\$&");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["coverage", "--lcov", `--include=^${below}`, coverageDir],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`Cannot read the coverage: ${new TextDecoder().decode(stderr).trim()}`);
  const files = parseLcov(new TextDecoder().decode(stdout), `${Deno.realPathSync(folder)}/`);
  const found = files.reduce((sum, file) => sum + file.found, 0);
  const missed = files.reduce((sum, file) => sum + file.missed, 0);
  return { found, hit: found - missed, files: files.sort((a, b) => b.missed - a.missed) };
}

/** Paths come out relative to `folder`, an absolute path with a trailing slash. */
export function parseLcov(lcov: string, folder: string): FileCoverage[] {
  return lcov.split("end_of_record").flatMap((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1];
    if (path === undefined) return [];
    const hits = [...record.matchAll(/^DA:\d+,(\d+)/gm)].map(([, count]) => Number(count));
    const missed = hits.filter((count) => count === 0).length;
    return [{ path: path.replace(folder, ""), found: hits.length, missed }];
  });
}

/** A process that a test killed may have been writing: half a file would make the whole report fail. */
async function removeTorn(coverageDir: string): Promise<void> {
  for await (const { name } of Deno.readDir(coverageDir)) {
    const path = `${coverageDir}/${name}`;
    using file = await Deno.open(path);
    const last = new Uint8Array(1);
    const { size } = await file.stat();
    if (size > 0) await file.seek(-1, Deno.SeekMode.End);
    if (await file.read(last) === null || last[0] !== "}".charCodeAt(0)) await Deno.remove(path);
  }
}
