import { assert } from "@accord/engine/connector";
import type { Connector } from "@accord/engine/connector";
import type { FakeSystem } from "./system.ts";

/** The connector of fake systems: `connector: fake` with `system: <name>` in the settings of a connection. */
export function fakeConnector(systems: readonly FakeSystem[]): Connector {
  return {
    name: "fake",
    checkSettings(settings) {
      const isKnown = systems.some((system) => system.name === settings["system"]);
      return isKnown
        ? []
        : [
            {
              key: "system",
              problem: "There is no fake system of this name.",
              remedy: `Name one of ${systems.map((system) => system.name).join(", ")}.`,
            },
          ];
    },
    connect(settings, context) {
      const system = systems.find((each) => each.name === settings["system"]);
      assert(system !== undefined, "a fake connection was made with settings that were not checked");
      return system.connect({ name: context.name, installation: context.installation });
    },
  };
}
