/**
 * Daemons on the local network, by multicast DNS (service type "_blit._tcp"), over every network this machine has an IPv4 address in.
 * Where multicast is not available nothing is announced or found, and nothing that arrives can do harm: errors reach the caller only
 * through `onError`.
 */

import { Bonjour, type Service, type ServiceConfig } from "bonjour-service";
import { settlesWithin } from "../native/patience.ts";

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
  const speakers = openSpeakers(onError);
  for (const bonjour of speakers) {
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
  }
  return { end: () => closeAll(speakers) };
}

/** Listens for `forMs`. Sorted by name. */
export async function findDaemons(forMs: number, onError: (error: Error) => void): Promise<FoundDaemon[]> {
  const found = new Map<string, FoundDaemon>();
  const speakers = openSpeakers(onError);
  for (const bonjour of speakers) bonjour.find({ type }, (service) => found.set(service.fqdn, daemonOf(service)));
  await new Promise((resolve) => setTimeout(resolve, forMs));
  await closeAll(speakers);
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** One for each network: a question goes only where the socket is told to send, and not every network has a route for multicast. */
function openSpeakers(onError: (error: Error) => void): Bonjour[] {
  const addresses = Deno.networkInterfaces()
    .filter(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
    .map(({ address }) => address);
  return addresses.flatMap((address) => {
    try {
      const bonjour = new Bonjour({ interface: address, bind: "0.0.0.0" } as Partial<ServiceConfig>, onError);
      catchErrors(bonjour, onError);
      return [bonjour];
    } catch (error) {
      onError(error as Error);
      return [];
    }
  });
}

/** The package leaves errors of its socket, and whatever a strange packet makes it throw, to whoever ends the process. */
function catchErrors(bonjour: Bonjour, onError: (error: Error) => void): void {
  const { mdns } = (bonjour as unknown as { server: { mdns: { emit(...event: unknown[]): boolean } } }).server;
  const emit = mdns.emit.bind(mdns);
  mdns.emit = (...event) => {
    try {
      return emit(...event);
    } catch (error) {
      onError(error as Error);
      return false;
    }
  };
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

async function closeAll(speakers: readonly Bonjour[]): Promise<void> {
  const gone = speakers.map((bonjour) =>
    new Promise<void>((resolve) => bonjour.unpublishAll(() => bonjour.destroy(() => resolve())))
  );
  // Nobody calls back where the socket never worked.
  await settlesWithin(Promise.allSettled(gone), goodbyeMs);
}
