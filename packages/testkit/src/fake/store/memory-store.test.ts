import { storeContract } from "../../contract/store-contract.ts";
import { MemoryState } from "./memory-state.ts";
import { memoryStore } from "./memory-store.ts";

storeContract("the memory store", () => {
  const state = new MemoryState();
  return Promise.resolve({ open: () => Promise.resolve(memoryStore(state)), remove: () => Promise.resolve() });
});
