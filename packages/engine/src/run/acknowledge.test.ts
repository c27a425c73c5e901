import { Stage } from "@accord/testkit";
import { expect, test } from "vitest";
import type { Connection, Feed } from "../connector/connector.ts";
import type { EngineContext } from "./context.ts";
import { runLive } from "./run.ts";

/** The same connection, whose feed tells when a cursor is acknowledged. */
function listening(connection: Connection, heard: string[]): Connection {
  const follow: Connection["follow"] = async (objects, cursor, options): Promise<Feed> => {
    const feed = await connection.follow(objects, cursor, options);
    return new Proxy(feed, {
      get: (target, name) => {
        if (name === "acknowledge") {
          return (told: string): void => {
            heard.push("acknowledge");
            target.acknowledge(told);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === "follow") return follow;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("[S6] a system is told to forget a change only after the store has been made durable", async () => {
  const stage = new Stage({ systems: [{ name: "crm", capabilities: { capture: "log" } }, { name: "erp" }] });
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  const live = await stage.goLive();
  const heard: string[] = [];
  const crm = live.connections.get("crm");
  if (crm === undefined) throw new RangeError("the stage has a crm");
  const context: EngineContext = {
    ...live,
    connections: new Map([...live.connections, ["crm", listening(crm, heard)]]),
    store: {
      ...live.store,
      makeDurable: async (options) => {
        await live.store.makeDurable(options);
        heard.push("durable");
      },
    },
  };
  const controller = new AbortController();
  const run = runLive(context, { signal: controller.signal });
  const pass = async (durationMs: number): Promise<void> => {
    for (let passed = 0; passed < durationMs; passed += 250) await stage.clock.advance(250);
  };
  await pass(500);
  heard.length = 0;
  stage.crm.user.update("customers", stage.idOf(stage.crm, { email: "ann@x.org" }), { name: "Anne" });
  await pass(3_000);
  controller.abort();
  await pass(1_000);
  await run;
  const told = heard.indexOf("acknowledge");
  expect(told).toBeGreaterThan(0);
  for (const [index, event] of heard.entries()) if (event === "acknowledge") expect(heard.slice(0, index)).toContain("durable");
  expect(heard[told - 1]).toBe("durable");
});
