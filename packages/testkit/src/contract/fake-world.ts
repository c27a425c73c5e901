import type { Capabilities, Connection } from "@accord/engine/connector";
import { readImage } from "@accord/core";
import { realClock } from "../fake/clock.ts";
import { seededRandom } from "../fake/random.ts";
import type { FakeObject } from "../fake/shape.ts";
import { createFakeSystem } from "../fake/system.ts";
import type { FakeSystem } from "../fake/system.ts";
import type { FakeSystemOptions, FakeUser } from "../fake/state.ts";
import type { ContractFields, ContractKey, ContractObject, ContractWorld, SideDoor } from "./world.ts";
import { idOf } from "./stage.ts";

/** The objects of the contract as a fake system holds them. */
const contractObjects: readonly FakeObject[] = [
  {
    name: "customers",
    key: ["id"],
    uniques: [["email"]],
    columns: [
      { name: "id", type: "integer", generated: true },
      { name: "name", type: "text", nullable: false },
      { name: "email", type: "text" },
      { name: "amount", type: "decimal", scale: 2 },
      { name: "active", type: "boolean" },
      { name: "note", type: "text" },
      { name: "updated", type: "instant" },
      { name: "internal", type: "text" },
    ],
  },
  {
    name: "regions",
    key: ["code"],
    columns: [
      { name: "code", type: "text" },
      { name: "title", type: "text" },
    ],
  },
  {
    name: "lines",
    key: ["order_no", "line"],
    references: [{ columns: ["region"], object: "regions", objectColumns: ["code"] }],
    columns: [
      { name: "order_no", type: "integer" },
      { name: "line", type: "text" },
      { name: "title", type: "text" },
      { name: "region", type: "text" },
    ],
  },
];

/** A contract world on a fake system. */
export function fakeContractWorld(
  options: Partial<Omit<FakeSystemOptions, "capabilities">> & { readonly capabilities?: Partial<Capabilities> } = {},
): ContractWorld {
  const system = createFakeSystem({ name: "fake", objects: contractObjects, clock: realClock(), ...options });
  const connections: Connection[] = [];
  const connect = (): Connection => {
    const connection = system.connect();
    connections.push(connection);
    return connection;
  };
  return {
    connection: connect(),
    connect,
    sideDoor: fakeSideDoor(system),
    secrets: [],
    unreachable: () => otherSystem({ kind: "unavailable" }).connect(),
    refused: () => otherSystem({ kind: "authRejected" }).connect(),
    cut: () => cut(system),
    async close() {
      for (const connection of connections) await connection.close();
    },
  };
}

function otherSystem(fault: { readonly kind: "unavailable" | "authRejected" }): FakeSystem {
  return createFakeSystem({ name: "fake", objects: contractObjects, clock: realClock(), faults: () => fault });
}

/** Breaks the calls of the next moment, each in its own way. */
async function cut(system: FakeSystem): Promise<void> {
  const random = seededRandom(system.history.last);
  system.faults = ({ method }) => {
    if (method === "write") return { kind: random.pick(["lostRequest", "lostReply", "unavailable"] as const) };
    return method === "next" ? { kind: "feedCut" } : null;
  };
  await new Promise((resolve) => setTimeout(resolve, 2));
  system.faults = null;
}

/** A user who works through the fake's own desk. */
function fakeSideDoor(system: FakeSystem): SideDoor {
  return {
    ...edits(system.user, system),
    async look(object, key) {
      const fields = system.record(object, idOf(key));
      return Promise.resolve(fields === null ? null : canonical(system, object, fields));
    },
    async rename(object, key, newKey) {
      const { key: columns } = system.table(object).shape.object;
      system.user.rename(object, idOf(key), Object.fromEntries(columns.map((column, index) => [column, newKey[index] ?? null])));
      return Promise.resolve();
    },
    async merge(object, key, into) {
      system.user.merge(object, idOf(key), idOf(into));
      return Promise.resolve();
    },
    async empty(object) {
      system.user.empty(object);
      return Promise.resolve();
    },
  };
}

function edits(user: FakeUser, system: FakeSystem): Pick<SideDoor, "insert" | "update" | "delete"> {
  return {
    async insert(object, fields): Promise<ContractKey> {
      const id = user.insert(object, fields);
      return Promise.resolve(system.table(object).shape.keyPlaces.length === 1 ? [id] : readImage(String(id)).map((cell) => cell ?? ""));
    },
    async update(object, key, fields) {
      if (system.record(object, idOf(key)) !== null) user.update(object, idOf(key), fields);
      return Promise.resolve();
    },
    async delete(object, key) {
      if (system.record(object, idOf(key)) !== null) user.delete(object, idOf(key));
      return Promise.resolve();
    },
  };
}

function canonical(system: FakeSystem, object: ContractObject, fields: ContractFields): ContractFields {
  const { columns } = system.table(object).shape.schema;
  return Object.fromEntries(
    columns.map(({ name, codec }) => {
      const cell = fields[name] ?? null;
      const result = cell === null ? null : codec?.decode(cell);
      return [name, result?.kind === "value" ? result.text : null];
    }),
  );
}
