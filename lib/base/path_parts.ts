/** Paths as text: what stands above them, and whether they are of this machine. Nothing is looked up. */

/** Without the slashes at its end; "/" stays. */
export function trimSlashes(path: string): string {
  return path.replace(/\/+$/, "") || "/";
}

/** The directory that holds what the path names; "." for a bare name, "/" for the root itself. */
export function directoryName(path: string): string {
  const trimmed = trimSlashes(path);
  const at = trimmed.lastIndexOf("/");
  return at < 0 ? "." : at === 0 ? "/" : trimmed.slice(0, at);
}

/** A colon before the first slash names another machine; on Windows a drive ("C:", "C:name", "C:/path") does not. */
export function namesMachine(path: string, os: typeof Deno.build.os = Deno.build.os): boolean {
  return /^[^/]*:/.test(path) && !(os === "windows" && /^[A-Za-z]:(?![0-9]+:\/)/.test(path));
}
