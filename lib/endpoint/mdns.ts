/**
 * Daemons on the local network, by multicast DNS (service type "_blit._tcp"). Where multicast is not available nothing is announced or
 * found: no error reaches the caller except through `onError`.
 */

import { Bonjour, type Service } from "bonjour-service";

export interface Announcement {
  /** Takes the announcement back. Never rejects. */
  end(): Promise<void>;
}

export interface FoundDaemon {
  /** As announced: "blit on host". */
  readonly name: string;
  /** Of the machine: "host.local". */
  readonly host: string;
  readonly port: number;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  /** Of the program; "" where it does not say. */
  readonly version: string;
  /** Names of modules, as far as they fit. */
  readonly modules: readonly string[];
}

const type = "blit";
const goodbyeMs = 500;
/** One string of a TXT record holds 255 bytes. */
const modulesCharsMax = 200;

export interface AnnouncedDaemon {
  readonly port: number;
  readonly version: string;
  readonly modules: readonly string[];
}

export function announce(daemon: AnnouncedDaemon, onError: (error: Error) => void): Announcement {
  let bonjour: Bonjour | undefined;
  try {
    bonjour = new Bonjour(undefined, onError);
    const host = Deno.hostname().split(".")[0];
    const service = bonjour.publish({
      type,
      name: `blit on ${host} (${daemon.port})`,
      host: `${host}.local`,
      port: daemon.port,
      txt: { version: daemon.version, modules: fitting(daemon.modules) },
      // A second daemon on the machine has another port, hence another name: there is nothing to ask around for.
      probe: false,
    });
    service.on("error", onError);
  } catch (error) {
    onError(error as Error);
  }
  return { end: () => endAll(bonjour) };
}

/** Listens for `forMs`. Sorted by name. */
export async function findDaemons(forMs: number, onError: (error: Error) => void): Promise<FoundDaemon[]> {
  const found = new Map<string, FoundDaemon>();
  let bonjour: Bonjour | undefined;
  try {
    bonjour = new Bonjour(undefined, onError);
    const browser = bonjour.find({ type }, (service) => found.set(service.fqdn, daemonOf(service)));
    await new Promise((resolve) => setTimeout(resolve, forMs));
    browser.stop();
  } catch (error) {
    onError(error as Error);
  }
  await endAll(bonjour);
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

function daemonOf(service: Service): FoundDaemon {
  const txt = service.txt as Record<string, unknown> | undefined;
  const addresses = [...service.addresses ?? []].sort((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
  return {
    name: service.name,
    host: service.host.replace(/\.$/, ""),
    port: service.port,
    addresses,
    version: String(txt?.version ?? ""),
    modules: String(txt?.modules ?? "").split(",").filter((name) => name !== ""),
  };
}

function fitting(names: readonly string[]): string {
  let text = "";
  for (const name of names) {
    const longer = text === "" ? name : `${text},${name}`;
    if (longer.length > modulesCharsMax) break;
    text = longer;
  }
  return text;
}

async function endAll(bonjour: Bonjour | undefined): Promise<void> {
  if (bonjour === undefined) return;
  // Neither callback comes where the socket never worked.
  const gone = new Promise<void>((resolve) => {
    try {
      bonjour.unpublishAll(() => bonjour.destroy(() => resolve()));
    } catch {
      resolve();
    }
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([gone, new Promise((resolve) => timer = setTimeout(resolve, goodbyeMs))]);
  clearTimeout(timer);
}
