/**
 * Makes lib/wire/gen/ from proto/, or says where they differ.
 *
 *     deno task proto                        lints proto/ and writes the generated code
 *     deno run -A .ci/proto.ts --check       changes nothing; exit 1: the linter complains, or the generated code is not that of proto/
 *
 * buf and the generator come from npm. Both run on this Deno, wherever it is installed.
 */

export const buf = "npm:@bufbuild/buf@1.74.0/buf";
const generator = "npm:@bufbuild/protoc-gen-es@2.17.0/protoc-gen-es";

const root = Deno.realPathSync(new URL("../", import.meta.url));
const generated = `${root}/lib/wire/gen`;

async function main(args: string[]): Promise<void> {
  await run("lint");
  if (args.join(" ") !== "--check") {
    await generate(generated);
    return;
  }
  const fresh = await Deno.makeTempDir({ prefix: "blit-proto-" });
  try {
    await generate(fresh);
    const [found, expected] = [readTree(generated), readTree(fresh)];
    const stale = [...new Set([...found.keys(), ...expected.keys()])].filter((path) =>
      found.get(path) !== expected.get(path)
    );
    for (const path of stale.sort()) {
      console.error(`lib/wire/gen${path} is not what proto/ says: run "deno task proto"`);
    }
    if (stale.length > 0) Deno.exitCode = 1;
  } finally {
    await Deno.remove(fresh, { recursive: true });
  }
}

/** Replaces everything in `folder`. */
async function generate(folder: string): Promise<void> {
  const plugin = {
    local: [Deno.execPath(), "run", "--quiet", "-A", generator],
    out: folder,
    opt: ["target=ts", "import_extension=ts"],
  };
  await run("generate", "--template", JSON.stringify({ version: "v2", clean: true, plugins: [plugin] }));
}

/** Throws an Error with buf's own words. */
async function run(...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", buf, ...args],
    cwd: `${root}/proto`,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`Cannot finish "buf ${args[0]}" in proto/:\n${text(stdout)}${text(stderr)}`.trimEnd());
}

/** Path below `folder` to text. */
function readTree(folder: string, path = "", files = new Map<string, string>()): Map<string, string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder + path)) {
    if (isDirectory) readTree(folder, `${path}/${name}`, files);
    else files.set(`${path}/${name}`, Deno.readTextFileSync(`${folder}${path}/${name}`));
  }
  return files;
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exitCode = 1;
  }
}
