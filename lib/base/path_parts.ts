/** Paths as text: what stands above them. Nothing is looked up. */

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
