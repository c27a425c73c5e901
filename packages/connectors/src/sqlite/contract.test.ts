import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite";
import type { Value } from "@accord/core";
import type { Connection } from "@accord/engine/connector";
import {
  connectorContract,
  realHost,
  type ContractFacts,
  type ContractFields,
  type ContractKey,
  type ContractObject,
  type ContractWorld,
  type SideDoor,
} from "@accord/testkit";
import { sqliteConnector } from "./connector.ts";

const SCHEMA = `
  CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT UNIQUE, amount DECIMAL(12, 2), active BOOLEAN, note TEXT, updated DATETIME, internal TEXT);
  CREATE TABLE regions (code TEXT PRIMARY KEY NOT NULL, title TEXT);
  CREATE TABLE lines (order_no INTEGER NOT NULL, line TEXT NOT NULL, title TEXT, region TEXT REFERENCES regions (code), PRIMARY KEY (order_no, line));
`;

const KEYS: Readonly<Record<ContractObject, readonly string[]>> = { customers: ["id"], regions: ["code"], lines: ["order_no", "line"] };

const facts: ContractFacts = {
  objects: { customers: "customers", regions: "regions", lines: "lines" },
  capture: "touched",
  numberedHints: true,
  compareAndSet: true,
  proof: true,
  externalId: true,
  batch: "per-item",
  writesReturn: "image-and-position",
  sideDoor: ["rename"],
  world: ["unreachable"],
};

connectorContract("SQLite in WAL mode", () => makeWorld("wal"), facts);
connectorContract("SQLite with a rollback journal", () => makeWorld("delete"), facts);

function makeWorld(journalMode: string): Promise<ContractWorld> {
  const folder = mkdtempSync(join(tmpdir(), "accord-sqlite-"));
  const file = join(folder, "contract.db");
  const user = new DatabaseSync(file);
  user.exec(`PRAGMA journal_mode = ${journalMode}; PRAGMA synchronous = OFF; ${SCHEMA}`);
  const connections: Connection[] = [];
  const connect = (path: string): Connection => {
    const connection = sqliteConnector.connect({ file: path }, { ...realHost(), name: "shop", installation: "contract" });
    connections.push(connection);
    return connection;
  };
  return Promise.resolve({
    connection: connect(file),
    connect: () => connect(file),
    sideDoor: sideDoorOf(user),
    secrets: [],
    unreachable: () => connect(join(folder, "nowhere.db")),
    async close() {
      for (const connection of connections) await connection.close();
      user.close();
      rmSync(folder, { recursive: true });
    },
  });
}

function sideDoorOf(user: DatabaseSync): SideDoor {
  const update = (object: ContractObject, key: ContractKey, fields: ContractFields): void => {
    const set = Object.keys(fields).map((column) => `${column} = ?`);
    user.prepare(`UPDATE ${object} SET ${set.join(", ")} WHERE ${whereKey(object)}`).run(...nativesOf(fields), ...key);
  };
  return {
    async insert(object, fields) {
      const places = Object.keys(fields).map(() => "?");
      const sql = `INSERT INTO ${object} (${Object.keys(fields).join(", ")}) VALUES (${places.join(", ")}) RETURNING ${KEYS[object].join(", ")}`;
      return Promise.resolve(Object.values(user.prepare(sql).get(...nativesOf(fields)) ?? {}).map(String));
    },
    async update(object, key, fields) {
      return Promise.resolve(update(object, key, fields));
    },
    async delete(object, key) {
      user.prepare(`DELETE FROM ${object} WHERE ${whereKey(object)}`).run(...key);
      return Promise.resolve();
    },
    async look(object, key) {
      const row = user.prepare(`SELECT * FROM ${object} WHERE ${whereKey(object)}`).get(...key);
      return Promise.resolve(
        row === undefined ? null : Object.fromEntries(Object.entries(row).map(([column, value]) => [column, canonical(column, value)])),
      );
    },
    async rename(object, key, newKey) {
      return Promise.resolve(update(object, key, Object.fromEntries(KEYS[object].map((column, index) => [column, newKey[index] ?? null]))));
    },
  };
}

function whereKey(object: ContractObject): string {
  return KEYS[object].map((column) => `${column} = ?`).join(" AND ");
}

function canonical(column: string, value: SQLOutputValue): Value {
  if (value === null || value instanceof Uint8Array) return null;
  if (column === "updated") return `${String(value).replace(" ", "T")}Z`;
  return column === "active" ? String(value === 1) : String(value);
}

/** As an application would store them. */
function nativesOf(fields: ContractFields): SQLInputValue[] {
  return Object.entries(fields).map(([column, value]) => {
    if (value === null) return null;
    if (column === "active") return Number(value === "true");
    return column === "updated" ? value.replace("T", " ").replace("Z", "") : value;
  });
}
