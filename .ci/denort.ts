/**
 * Finds denort, the runtime that `deno compile` puts a program on, through the npm registry.
 *
 * Deno downloads denort from its own host. Where only an npm registry can be reached, the same runtime can be cut out of
 * a published executable that `deno compile` made with it: the application behind it is cut off, the ELF header is
 * restored, and the SHA-256 of the result proves that nothing but Deno's own (MIT) runtime is left. Both sums are checked
 * before anything is used. The result is kept in the user's cache folder.
 */

const recipe = {
  deno: "2.9.4",
  target: "x86_64-unknown-linux-gnu",
  package: "@chelonia/cli-x64-linux@3.4.0",
  packageSha256: "c00f92f71095b897a44ed2f52b883c678b2c386a59db633a4c4d017dff8ea628",
  executable: "package/chel",
  bytes: 107_594_120,
  sha256: "723d45cca4f68bd66652da1e0d45562b0700317c1535981035f50f078785a131",
} as const;

/** Fields of the ELF header that the appending of the application changed. */
function restoreElfHeader(denort: Uint8Array<ArrayBuffer>): void {
  const header = new DataView(denort.buffer, denort.byteOffset);
  header.setBigUint64(0x20, 0x40n, true); // e_phoff
  header.setBigUint64(0x28, 0x669b808n, true); // e_shoff
  header.setUint16(0x38, 12, true); // e_phnum
  header.setUint16(0x3c, 38, true); // e_shnum
  header.setUint16(0x3e, 37, true); // e_shstrndx
}

/** The path of a verified denort for this Deno. Throws an Error that says which other way there is. */
export async function denortFromNpm(): Promise<string> {
  if (Deno.version.deno !== recipe.deno || Deno.build.target !== recipe.target) {
    throw new Error(
      `Cannot take denort from npm: that works for Deno ${recipe.deno} on ${recipe.target}, this is Deno ` +
        `${Deno.version.deno} on ${Deno.build.target}. Leave "--denort npm" out, or set DENORT_BIN`,
    );
  }
  const folder = `${cacheFolder()}/blit`;
  const path = `${folder}/denort-${recipe.deno}-${recipe.target}`;
  if (await sha256OfFile(path) === recipe.sha256) return path;
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ dir: folder, prefix: "denort-" });
  try {
    const denort = await cutOut(await fetchExecutable(work));
    await Deno.writeFile(`${work}/denort`, denort, { mode: 0o755 });
    await Deno.rename(`${work}/denort`, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return path;
}

async function fetchExecutable(work: string): Promise<string> {
  await run("npm", ["pack", "--silent", recipe.package], work, "have Node.js with npm on PATH and a registry in reach");
  const tarball = [...Deno.readDirSync(work)].find((entry) => entry.name.endsWith(".tgz"))?.name;
  if (tarball === undefined || await sha256OfFile(`${work}/${tarball}`) !== recipe.packageSha256) {
    throw new Error(`Cannot use ${recipe.package}: it is not the package that was expected. Set DENORT_BIN instead`);
  }
  await run("tar", ["-xzf", tarball, recipe.executable], work, "have tar on PATH");
  return `${work}/${recipe.executable}`;
}

async function cutOut(executable: string): Promise<Uint8Array<ArrayBuffer>> {
  const denort = (await Deno.readFile(executable)).slice(0, recipe.bytes);
  restoreElfHeader(denort);
  if (await sha256(denort) !== recipe.sha256) {
    throw new Error(`Cannot use ${recipe.package}: what was cut out is not denort. Set DENORT_BIN instead`);
  }
  return denort;
}

async function run(program: string, args: string[], cwd: string, advice: string): Promise<void> {
  const command = [program, ...args].join(" ");
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, cwd, stdin: "null", stdout: "null", stderr: "piped" }).output();
  } catch (error) {
    throw new Error(`Cannot run "${command}": ${(error as Error).message}. Either ${advice}, or set DENORT_BIN`);
  }
  if (output.success) return;
  const words = new TextDecoder().decode(output.stderr).trim();
  throw new Error(`Cannot finish "${command}": ${words}\nEither ${advice}, or set DENORT_BIN`);
}

function cacheFolder(): string {
  const folder = Deno.env.get("XDG_CACHE_HOME") || (Deno.env.get("HOME") && `${Deno.env.get("HOME")}/.cache`);
  if (!folder) throw new Error("Cannot keep denort: neither XDG_CACHE_HOME nor HOME is set. Set one, or DENORT_BIN");
  return folder;
}

async function sha256OfFile(path: string): Promise<string | undefined> {
  try {
    return await sha256(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
