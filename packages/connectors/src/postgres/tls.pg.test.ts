import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresConnector } from "./connector.ts";

const options = { signal: new AbortController().signal };

let server: PostgresServer;
let folder: string;
/** Files of the authority that signed the server's certificate, and of another. */
let authority: string;
let stranger: string;

beforeAll(async () => {
  server = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), "accord-tls-"));
  const [own, other] = [makeAuthority("own"), makeAuthority("other")];
  authority = writePem("own.pem", own.certificate);
  stranger = writePem("other.pem", other.certificate);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = certify({ subject: "server", names: ["localhost"], key: keys.publicKey, issuer: "own", issuerKey: own.privateKey });
  await turnOnTls(certificate, keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
});

describe("TLS to a server whose certificate is for localhost", () => {
  test("verify-full is satisfied by the right name and the right authority, and the session is encrypted", async () => {
    expect(await isEncrypted("localhost", { mode: "verify-full", ca: authority })).toBe(true);
  });

  test("verify-full refuses another name", async () => {
    await expect(isEncrypted("127.0.0.1", { mode: "verify-full", ca: authority })).rejects.toMatchObject({
      message: expect.stringMatching(/certificate of .* was not accepted \(ERR_TLS_CERT_ALTNAME_INVALID\)/),
    });
  });

  test("verify-ca takes any name that the right authority signed for", async () => {
    expect(await isEncrypted("127.0.0.1", { mode: "verify-ca", ca: authority })).toBe(true);
  });

  test.each(["verify-full", "verify-ca"])(
    "%s refuses an authority that did not sign it, and one that is not known, and says what to do",
    async (mode) => {
      for (const tls of [{ mode, ca: stranger }, { mode }])
        await expect(isEncrypted("localhost", tls)).rejects.toThrow(/certificate of .* was not accepted.*tls: \{ ca: file \}/);
    },
  );

  test("require encrypts whoever signed it, without knowing with whom", async () => {
    expect(await isEncrypted("127.0.0.1", { mode: "require" })).toBe(true);
  });

  test("on this machine nothing is encrypted unasked", async () => {
    expect(await isEncrypted("127.0.0.1", undefined)).toBe(false);
  });

  test("a server that takes encrypted sessions alone says so, and is reached by them", async () => {
    const client = await superuser();
    await client.query("CREATE ROLE sealed LOGIN PASSWORD 'pass'");
    const { rows } = await client.query<{ file: string }>("SELECT current_setting('hba_file') AS file");
    await client.end();
    writeFileSync(rows[0]?.file ?? "", "hostnossl all sealed all reject\nhost all all all scram-sha-256\n");
    await server.restart();
    const login = { user: "sealed", password: "pass" };
    await expect(isEncrypted("127.0.0.1", undefined, login)).rejects.toMatchObject({
      code: "ACCORD_AUTH_REJECTED",
      message: expect.stringMatching(/no encryption|SSL off/),
    });
    expect(await isEncrypted("localhost", { mode: "verify-full", ca: authority }, login)).toBe(true);
  });
});

/** Whether a connection of these settings, which must reach the server, is encrypted there. */
async function isEncrypted(host: string, tls: unknown, login: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const url = new URL(server.url);
  const settings = {
    host,
    port: server.port,
    user: url.username,
    password: decodeURIComponent(url.password),
    database: "postgres",
    ...login,
  };
  const connection = postgresConnector.connect(
    { ...settings, ...(tls === undefined ? {} : { tls }) },
    {
      name: "erp",
      installation: "tls",
      clock: { nowMs: () => 0, elapsedMs: () => 0, sleep: async () => {} },
      random: { hex: () => "" },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    },
  );
  const client = await superuser();
  try {
    await connection.check([], options);
    const { rows } = await client.query<{ ssl: boolean }>(
      "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'accord'",
    );
    expect(rows).toHaveLength(1);
    return rows[0]?.ssl ?? false;
  } finally {
    await connection.close();
    await expect.poll(async () => (await client.query("SELECT FROM pg_stat_activity WHERE application_name = 'accord'")).rowCount).toBe(0);
    await client.end();
  }
}

async function superuser(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  return client;
}

function writePem(name: string, pem: string): string {
  const file = join(folder, name);
  writeFileSync(file, pem);
  return file;
}

/** The server takes files of its own user alone, and looks for these names. */
async function turnOnTls(certificate: string, key: string): Promise<void> {
  const { uid, gid } = statSync(server.dataDirectory);
  for (const [name, content] of [
    ["server.crt", certificate],
    ["server.key", key],
  ] as const) {
    const file = join(server.dataDirectory, name);
    writeFileSync(file, content, { mode: 0o600 });
    chownSync(file, uid, gid);
  }
  const client = await superuser();
  await client.query("ALTER SYSTEM SET ssl = on");
  await client.end();
  await server.restart();
}

function makeAuthority(name: string): { readonly certificate: string; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { certificate: certify({ subject: name, names: null, key: publicKey, issuer: name, issuerKey: privateKey }), privateKey };
}

interface Certified {
  readonly subject: string;
  /** DNS names of a server; null makes an authority. */
  readonly names: readonly string[] | null;
  readonly key: KeyObject;
  readonly issuer: string;
  readonly issuerKey: KeyObject;
}

/** A certificate as PEM, valid from 2020 to 2050. [RFC 5280, section 4.1] */
function certify({ subject, names, key, issuer, issuerKey }: Certified): string {
  const algorithm = sequence(objectId([1, 2, 840, 10045, 4, 3, 2]));
  const name = (text: string): Buffer => sequence(element(0x31, sequence(objectId([2, 5, 4, 3]), element(0x0c, Buffer.from(text)))));
  const time = (text: string): Buffer => element(0x18, Buffer.from(text));
  const extension =
    names === null
      ? sequence(objectId([2, 5, 29, 19]), element(0x01, Buffer.from([0xff])), element(0x04, sequence(element(0x01, Buffer.from([0xff])))))
      : sequence(objectId([2, 5, 29, 17]), element(0x04, sequence(...names.map((dns) => element(0x82, Buffer.from(dns))))));
  const content = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name(issuer),
    sequence(time("20200101000000Z"), time("20500101000000Z")),
    name(subject),
    key.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(extension)),
  );
  const signature = element(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", content, issuerKey)]));
  const base64 = sequence(content, algorithm, signature).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

/** DER: tag, length, content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...items: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(items));
}

function objectId([first = 0, second = 0, ...others]: readonly number[]): Buffer {
  const bytes = others.flatMap((part) => {
    const digits = [part & 0x7f];
    for (let rest = part >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
    return digits;
  });
  return element(0x06, Buffer.from([first * 40 + second, ...bytes]));
}
