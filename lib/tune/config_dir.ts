/** Where blit keeps what belongs to the user: settings and the performance history. */

export interface Environment {
  readonly os: typeof Deno.build.os;
  /** The value of an environment variable; undefined when it is not set. */
  readonly get: (name: string) => string | undefined;
}

export const processEnvironment: Environment = {
  os: Deno.build.os,
  get(name) {
    try {
      return Deno.env.get(name);
    } catch {
      return undefined; // its value is not Unicode
    }
  },
};

/** The folder, which need not exist; undefined where the environment names none. */
export function configDir(environment: Environment = processEnvironment): string | undefined {
  const { os } = environment;
  const value = (name: string) => environment.get(name) || undefined;
  if (os === "windows") {
    const base = value("APPDATA");
    return base && `${base}\\blit`;
  }
  // A relative one is to be ignored, says the XDG specification.
  const xdg = value("XDG_CONFIG_HOME");
  if (xdg?.startsWith("/")) return `${xdg}/blit`;
  const home = value("HOME");
  return home && (os === "darwin" ? `${home}/Library/Application Support/blit` : `${home}/.config/blit`);
}
