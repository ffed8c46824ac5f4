/** Client addresses and the networks they are in. An IPv4 address counts as ::ffff:a.b.c.d, so one rule serves both families. */

export interface Network {
  /** 16 bytes; those beyond `bits` do not matter. */
  readonly address: Uint8Array;
  /** Leading bits that must agree, 0 to 128. */
  readonly bits: number;
}

/** "local" stands for private, link-local and loopback addresses and for whatever network this machine has an address in. */
export type AllowRule = Network | "local";

const anyNetwork: Network = { address: new Uint8Array(16), bits: 0 };

const privateNetworks: readonly Network[] = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "100.64.0.0/10",
  "::1",
  "fc00::/7",
  "fe80::/10",
].map((text) => parseNetwork(text)!);

/** 16 bytes of "10.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1"; undefined for anything else. */
export function parseAddress(text: string): Uint8Array | undefined {
  const withoutZone = text.replace(/(?<=:.*)%.*$/, "");
  if (!withoutZone.includes(":")) return mapped(withoutZone);
  const halves = withoutZone.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const length = head.length + (tail?.length ?? 0);
  if (tail === undefined ? length !== 16 : length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  if (tail !== undefined) bytes.set(tail, 16 - tail.length);
  return bytes;
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  const valid = parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
  return valid ? parts.map(Number) : undefined;
}

function mapped(text: string): Uint8Array | undefined {
  const v4 = parseIpv4(text);
  return v4 && new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4]);
}

/** Bytes of one side of "::"; only the last side may end in an IPv4 address. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  const bytes: number[] = [];
  const groups = text === "" ? [] : text.split(":");
  for (const [index, group] of groups.entries()) {
    const v4 = isLast && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (v4 !== undefined) bytes.push(...v4);
    else if (/^[0-9A-Fa-f]{1,4}$/.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}

/** "10.0.0.0/8", "fd00::/8", a single address, or "any"; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  if (text === "any") return anyNetwork;
  const [base, length, ...more] = text.split("/");
  const address = parseAddress(base);
  if (address === undefined || more.length > 0) return undefined;
  const bitsMax = base.includes(":") ? 128 : 32;
  if (length === undefined) return { address, bits: 128 };
  const bits = Number(length);
  if (!/^[0-9]{1,3}$/.test(length) || bits > bitsMax) return undefined;
  return { address, bits: bits + 128 - bitsMax };
}

export function contains({ address, bits }: Network, other: Uint8Array): boolean {
  for (let at = 0, left = bits; left > 0; at++, left -= 8) {
    const mask = left >= 8 ? 0xff : 0xff << (8 - left) & 0xff;
    if ((address[at] ^ other[at]) & mask) return false;
  }
  return true;
}

/** `ownNetworks` (in CIDR form) are asked for only where "local" has to decide. */
export function isAllowed(
  rules: readonly AllowRule[],
  client: string,
  ownNetworks: () => readonly string[] = interfaceNetworks,
): boolean {
  const address = parseAddress(client);
  if (address === undefined) return false;
  return rules.some((rule) => rule === "local" ? isLocal(address, ownNetworks) : contains(rule, address));
}

function isLocal(address: Uint8Array, ownNetworks: () => readonly string[]): boolean {
  if (privateNetworks.some((network) => contains(network, address))) return true;
  return ownNetworks().some((text) => {
    const network = parseNetwork(text);
    return network !== undefined && contains(network, address);
  });
}

function interfaceNetworks(): string[] {
  return Deno.networkInterfaces().map(({ cidr }) => cidr);
}

/** Whether this daemon may fetch from that host: an address in one of the networks, or a name that is listed. */
export function isAllowedSource(
  { networks, hosts }: { readonly networks: readonly Network[]; readonly hosts: readonly string[] },
  host: string,
): boolean {
  if (hosts.includes(host.toLowerCase())) return true;
  const address = parseAddress(host);
  return address !== undefined && networks.some((network) => contains(network, address));
}
