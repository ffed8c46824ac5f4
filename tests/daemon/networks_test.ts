import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { contains, isAllowed, parseAddress, parseNetwork } from "../../lib/daemon/networks.ts";

const addresses: [text: string, hex: string][] = [
  ["127.0.0.1", "00000000000000000000ffff7f000001"],
  ["::ffff:127.0.0.1", "00000000000000000000ffff7f000001"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ["2001:db8:0:1:2:3:4:5", "20010db8000000010002000300040005"],
  ["2001:DB8::5", "20010db8000000000000000000000005"],
  ["1::", "00010000000000000000000000000000"],
];

for (const [text, hex] of addresses) {
  Deno.test(`${text} is an address`, () => assertEquals(parseAddress(text)?.toHex(), hex));
}

const none = [
  "",
  "a",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.4.5",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
];

for (const text of [...none, "12345::", "g::", "::1.2.3", "1:2:3:4:5:6:7:8::", "1.2.3.4::", "::1.2.3.4:5"]) {
  Deno.test(`"${text}" is no address`, () => assertEquals(parseAddress(text), undefined));
}

for (
  const text of ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "any/0", "/8", "10.0.0.0/1e1"]
) {
  Deno.test(`"${text}" is no network`, () => assertEquals(parseNetwork(text), undefined));
}

const rules: [network: string, inside: string, outside: string][] = [
  ["10.0.0.0/8", "10.255.0.1", "11.0.0.1"],
  ["10.0.0.1/8", "10.255.0.1", "11.0.0.1"],
  ["192.168.4.0/23", "192.168.5.255", "192.168.6.0"],
  ["10.0.0.7", "10.0.0.7", "10.0.0.8"],
  ["0.0.0.0/0", "255.1.2.3", "2001:db8::1"],
  ["fd00::/8", "fdff::1", "fe00::1"],
  ["::/0", "1.2.3.4", "not an address"],
  ["any", "2001:db8::1", ""],
];

for (const [network, inside, outside] of rules) {
  Deno.test(`${network} holds ${inside} and not ${outside}`, () => {
    const rule = parseNetwork(network)!;
    assert(isAllowed([rule], inside));
    assert(!isAllowed([rule], outside));
  });
}

Deno.test("local is private networks and those this machine is in, and nothing else", () => {
  const own = () => ["203.0.113.7/24", "2001:db8:5::1/64"];
  for (
    const client of [
      "127.0.0.1",
      "::ffff:10.1.2.3",
      "192.168.1.1",
      "fe80::1%eth0",
      "fd12::1",
      "203.0.113.200",
      "2001:db8:5::9",
    ]
  ) {
    assert(isAllowed(["local"], client, own), client);
  }
  for (const client of ["203.0.114.1", "8.8.8.8", "2001:db8:6::1", "172.32.0.1"]) {
    assert(!isAllowed(["local"], client, own), client);
  }
});

Deno.test("no rules allow nobody", () => assert(!isAllowed([], "127.0.0.1")));

Deno.test("an address is in each network that is made of its own leading bits, and in none of another one's", () => {
  fc.assert(fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (a, b, bits) => {
    const network = parseNetwork(`${a}/${bits}`)!;
    assert(contains(network, parseAddress(a)!));
    const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    const same = Math.floor(number(a) / 2 ** (32 - bits)) === Math.floor(number(b) / 2 ** (32 - bits));
    assertEquals(contains(network, parseAddress(b)!), same);
  }));
  fc.assert(fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), (a, bits) => {
    assert(contains(parseNetwork(`${a}/${bits}`)!, parseAddress(a)!));
  }));
});

Deno.test("addresses are read as the URL parser reads them", () => {
  fc.assert(fc.property(fc.ipV6(), (text) => {
    const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
    assertEquals(parseAddress(text), parseAddress(canonical));
  }));
});
