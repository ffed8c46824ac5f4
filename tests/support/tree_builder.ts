/**
 * A tree as a list of operations for fixture.c, in an order in which none undoes another.
 *
 * Paths and symlink targets are percent-encoded. What the machine cannot make (`Metadata`) is left out.
 */

/** Metadata words as `supportedMetadata` returns them; without a word, the tree has none of that kind. */
export type Metadata = ReadonlySet<string>;

/** Collects operations; `lines` brings them into an order in which none undoes another. */
export class TreeBuilder {
  private readonly creations: string[] = [];
  private readonly owners: string[] = [];
  private readonly modes: string[] = [];
  private readonly attributes: string[] = [];
  private readonly times: string[] = [];

  constructor(readonly metadata: Metadata) {}

  /** Paths are percent-encoded. */
  directory(path: string): this {
    return this.create(`dir ${path}`);
  }
  file(path: string, size: number, seed = 1): this {
    return this.create(`file ${path} ${size} ${seed}`);
  }
  /** `extents`: [offset, length] of the parts that hold data. */
  sparse(path: string, size: number, extents: readonly (readonly [number, number])[], seed = 1): this {
    const list = extents.map(([offset, length]) => `${offset}:${length}`).join(",");
    return this.create(`file ${path} ${size} ${seed} ${list === "" ? "0:0" : list}`);
  }
  symlink(path: string, target: string): this {
    return this.create(`symlink ${path} ${target}`);
  }
  link(path: string, existing: string): this {
    return this.create(`link ${path} ${existing}`);
  }
  special(kind: "fifo" | "socket", path: string): this {
    return this.create(`${kind} ${path}`);
  }
  device(kind: "char" | "block", path: string, major: number, minor: number): this {
    return this.metadata.has("device") ? this.create(`${kind} ${path} ${major} ${minor}`) : this;
  }
  owner(path: string, uid: number, gid: number): this {
    if (this.metadata.has("owner")) this.owners.push(`owner ${path} ${uid} ${gid}`);
    return this;
  }
  mode(path: string, mode: number): this {
    this.modes.push(`mode ${path} ${mode.toString(8)}`);
    return this;
  }
  attribute(path: string, name: string, value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const kind = name.startsWith("system.posix_acl") ? "acl" : name.split(".")[0];
    if (this.metadata.has(kind === "security" ? "capability" : kind)) {
      this.attributes.push(`attribute ${path} ${name} ${hex}`);
    }
    return this;
  }
  time(path: string, seconds: number, nanoseconds = 0): this {
    this.times.push(`time ${path} ${seconds} ${nanoseconds}`);
    return this;
  }

  /**
   * Owners first (chown clears setuid and drops capabilities), attributes before modes (an ordinary user cannot set them on
   * what is read-only), ACLs after them (chmod changes their mask), times last and bottom up.
   */
  lines(): string[] {
    const depth = (line: string) => line.split(" ")[1].split("/").length;
    const times = [...this.times].sort((a, b) => depth(b) - depth(a));
    const isAcl = (line: string) => line.includes(" system.posix_acl");
    return [
      ...this.creations,
      ...this.owners,
      ...this.attributes.filter((line) => !isAcl(line)),
      ...this.modes,
      ...this.attributes.filter(isAcl),
      ...times,
    ];
  }

  private create(line: string): this {
    this.creations.push(line);
    return this;
  }
}
