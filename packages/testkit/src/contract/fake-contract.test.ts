import { connectorContract } from "./connector-contract.ts";
import { fakeContractWorld } from "./fake-world.ts";
import type { ContractFacts } from "./world.ts";

const full: ContractFacts = {
  objects: { customers: "customers", regions: "regions", lines: "lines" },
  capture: "log",
  compareAndSet: true,
  proof: true,
  externalId: true,
  batch: "per-item",
  writesReturn: "image-and-position",
  sideDoor: ["rename", "empty"],
  world: ["unreachable", "refused", "cut"],
  propertyRuns: 100,
};

connectorContract("the fake with everything", () => Promise.resolve(fakeContractWorld()), full);

connectorContract(
  "the fake with a trigger log",
  () => Promise.resolve(fakeContractWorld({ capabilities: { capture: "touched" }, batch: "all-or-nothing" })),
  { ...full, capture: "touched", numberedHints: true, batch: "all-or-nothing" },
);

connectorContract("the fake that tells of merges", () => Promise.resolve(fakeContractWorld({ capabilities: { merges: true } })), {
  ...full,
  sideDoor: [...full.sideDoor, "merge"],
  propertyRuns: 10,
});

connectorContract(
  "the fake that hints at merges",
  () => Promise.resolve(fakeContractWorld({ capabilities: { merges: true, capture: "touched" }, hints: "bare" })),
  { ...full, capture: "touched", sideDoor: [...full.sideDoor, "merge"], propertyRuns: 10 },
);

connectorContract(
  "the fake with bare hints",
  () => Promise.resolve(fakeContractWorld({ capabilities: { capture: "touched" }, hints: "bare" })),
  {
    ...full,
    capture: "touched",
  },
);

connectorContract(
  "the fake with partial images",
  () => Promise.resolve(fakeContractWorld({ omitsUnchanged: (column) => column === "note", writesReturn: "image" })),
  { ...full, writesReturn: "image" },
);

connectorContract(
  "the fake that can hardly do anything",
  () =>
    Promise.resolve(
      fakeContractWorld({
        capabilities: { capture: "sweep", compareAndSet: false, proof: false, externalId: false, batchSizeMax: 700, pageSizeMax: 100 },
        writesReturn: "nothing",
      }),
    ),
  { ...full, capture: "sweep", compareAndSet: false, proof: false, externalId: false, writesReturn: "nothing" },
);
