import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BlitError } from "../../lib/base/errors.ts";
import { type ConfigFlags, loadConfig, parseConfig } from "../../lib/daemon/config.ts";

const module = '[[modules]]\nname = "data"\npath = "/data"\n';

Deno.test("a configuration with every key is read as it stands there", () => {
  const config = parseConfig(
    `
bind = "10.0.0.5"
port = 7000
motd = "hello"
mdns = false
allow = ["10.0.0.0/8", "fd00::/8", "local"]
allow_daemons = ["backup.lan", "10.1.0.0/16"]
data_ports = "9040-9055"
grace_seconds = 5

[limits]
sessions = 7
connections = 70
lanes = 4
lanes_total = 40
workers_total = 20
wait_seconds = 30
entries_per_message = 100
message_bytes = "1MiB"
first_byte_seconds = 3
idle_seconds = 60
stall_seconds = 90
silent_seconds = 45

[[modules]]
name = "photos"
path = "/srv/photos"
read_only = true
comment = "Family"
max_connections = 3

[[modules]]
name = "in.box-2"
path = "/srv/in"
privileged = true
`,
    "f",
  );
  assertEquals([config.bind, config.port, config.motd, config.mdns, config.graceMs], [
    "10.0.0.5",
    7000,
    "hello",
    false,
    5000,
  ]);
  assertEquals(config.allow.length, 3);
  assertEquals(config.allow[2], "local");
  assertEquals(config.allowDaemons.hosts, ["backup.lan"]);
  assertEquals(config.allowDaemons.networks.length, 1);
  assertEquals(config.dataPorts, { first: 9040, last: 9055 });
  assertEquals(config.limits, {
    sessions: 7,
    connections: 70,
    lanes: 4,
    lanesTotal: 40,
    workersTotal: 20,
    waitMs: 30_000,
    entriesPerMessage: 100,
    messageBytes: 1024 * 1024,
    firstByteMs: 3000,
    idleMs: 60_000,
    stallMs: 90_000,
    silentMs: 45_000,
  });
  assertEquals(config.modules, [
    { name: "photos", path: "/srv/photos", readOnly: true, privileged: false, comment: "Family", connectionsMax: 3 },
    { name: "in.box-2", path: "/srv/in", readOnly: false, privileged: true, comment: "", connectionsMax: 0 },
  ]);
});

Deno.test("what is not said has a default: all addresses, port 9031, local clients, ephemeral data ports", () => {
  const config = parseConfig(module, "f");
  assertEquals([config.bind, config.port, config.mdns, config.dataPorts], [undefined, 9031, true, undefined]);
  assertEquals(config.allow, ["local"]);
  assertEquals(config.allowDaemons, { networks: [], hosts: [] });
});

const wrong: [text: string, said: string][] = [
  ["port = 70000", "port must be a whole number from 0 to 65535, not 70000"],
  ['port = "9031"', 'port must be a whole number from 0 to 65535, not "9031"'],
  ["bind = 1", "bind must be a text, not 1"],
  ["mdns = 1", "mdns must be true or false, not 1"],
  ['prot = 1\nmotd = ""', "prot is not known; there are bind, port, motd"],
  ['allow = "10.0.0.0/8"', 'allow must be a list of texts, not "10.0.0.0/8"'],
  ['allow = ["any", "10.0.0/8"]', 'allow[1] must be a network such as "10.0.0.0/8"'],
  ['allow = ["10.0.0.0/33"]', 'not "10.0.0.0/33"'],
  ['allow_daemons = ["a b"]', 'allow_daemons[0] must be a host or a network, not "a b"'],
  ['data_ports = "9050-9040"', 'data_ports must be a range such as "9040-9055"'],
  ['data_ports = "9000-9100"', "data_ports must not contain the port 9031"],
  ["data_ports = 9040", "data_ports must be a text, not 9040"],
  ["limits = 3", "limits must be a table ([limits]), not 3"],
  ["[limits]\nlanes = 0", "limits.lanes must be a whole number from 1 to 256, not 0"],
  ["[limits]\nlane = 1", "limits.lane is not known"],
  [
    '[limits]\nmessage_bytes = "1x"',
    'limits.message_bytes must be a size from 65536 to 67108864 bytes such as "4MiB", not "1x"',
  ],
  ["[modules]\na = 1", "modules must be a list of tables ([[modules]])"],
  ['[[modules]]\npath = "/a"', "modules[0].name is missing"],
  ['[[modules]]\nname = "a"', "modules[0].path is missing"],
  [
    '[[modules]]\nname = "a/b"\npath = "/a"',
    'modules[0].name must be up to 64 letters, digits, ".", "_" or "-", not "a/b"',
  ],
  ['[[modules]]\nname = ".."\npath = "/a"', "modules[0].name must be"],
  ['[[modules]]\nname = "a"\npath = "a"', 'modules[0].path must be an absolute path, not "a"'],
  ['[[modules]]\nname = "a"\npath = "/a\\u0000"', "modules[0].path must not contain NUL"],
  ['[[modules]]\nname = "a"\npath = "/a"\nreadonly = true', "modules[0].readonly is not known"],
  [`${module}${module}`, 'modules[1].name "data" is the name of modules[0] too'],
];

for (const [text, said] of wrong) {
  Deno.test(`wrong in the configuration: ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => parseConfig(text, "/etc/x.toml"), BlitError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, `Cannot use the configuration "/etc/x.toml": `);
    assertStringIncludes(error.message, said);
    assert(!error.message.includes("\n"));
  });
}

Deno.test("a file that is no TOML is refused with one line that names the file", () => {
  const error = assertThrows(() => parseConfig('bind = "a\nport = ', "x.toml"), BlitError);
  assert(/^Cannot use the configuration "x.toml": line \d+: [^:]+$/.test(error.message), error.message);
});

function load(flags: Partial<ConfigFlags>, files: Record<string, string> = {}) {
  return loadConfig({ noMdns: false, ...flags }, (path) => {
    if (path in files) return files[path];
    throw new Deno.errors.NotFound("gone");
  });
}

Deno.test("--root exports a directory as the module default, without any file", () => {
  const config = load({ root: "/srv" });
  assertEquals(config.modules, [{
    name: "default",
    path: "/srv",
    readOnly: false,
    privileged: false,
    comment: "",
    connectionsMax: 0,
  }]);
  assertEquals(load({ root: "/srv", privileged: true }).modules[0].privileged, true);
});

Deno.test("--root comes before the file's modules and replaces one that is called default", () => {
  const file = `${module}[[modules]]\nname = "default"\npath = "/old"\n`;
  const { modules } = load({ root: "/srv", config: "f" }, { f: file });
  assertEquals(modules.map(({ name, path }) => [name, path]), [["default", "/srv"], ["data", "/data"]]);
});

Deno.test("flags win over the file", () => {
  const file = `bind = "10.0.0.5"\nport = 1\n${module}`;
  const { bind, port, mdns } = load({ config: "f", bind: "::1", port: 0, noMdns: true }, { f: file });
  assertEquals([bind, port, mdns], ["::1", 0, false]);
  assertEquals(load({ config: "f", noMdns: true }, { f: `mdns = true\n${module}` }).mdns, false);
});

Deno.test("without --config and --root the default file is read", () => {
  assertEquals(load({}, { "/etc/blit/daemon.toml": module }).modules[0].name, "data");
});

const nothing: [flags: Partial<ConfigFlags>, files: Record<string, string>, said: string][] = [
  [{}, {}, 'Cannot export anything: there is no "/etc/blit/daemon.toml"'],
  [{ config: "f" }, {}, 'Cannot read the configuration "f": no such file'],
  [{ config: "f" }, { f: "" }, 'Cannot export anything: "f" has no [[modules]]'],
];

for (const [flags, files, said] of nothing) {
  Deno.test(`nothing to export: ${said}`, () => {
    const error = assertThrows(() => load(flags, files), BlitError);
    assertEquals([error.code, error.message], ["usage", said]);
  });
}
