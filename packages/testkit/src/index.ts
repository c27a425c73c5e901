// fake
export { cancelled, FAKE_START_MS, manualClock, realClock, settle } from "./fake/clock.ts";
export type { ManualClock } from "./fake/clock.ts";
export { fakeCodec } from "./fake/codecs.ts";
export type { FakeCodecOptions, FakeType } from "./fake/codecs.ts";
export { fakeConnector } from "./fake/connector.ts";
export type { FakeCall, Fault, FaultPlan } from "./fake/faults.ts";
export type { FakeAuthor, FakeChange, FakeHistory } from "./fake/history.ts";
export { fakeHost, realHost } from "./fake/host.ts";
export type { FakeHost, FakeHostOptions, LogLine, RecordedLog } from "./fake/host.ts";
export { seededRandom } from "./fake/random.ts";
export type { SeededRandom } from "./fake/random.ts";
export type { FakeCell, FakeColumn, FakeObject } from "./fake/shape.ts";
export { createFakeSystem } from "./fake/system.ts";
export type { FakeSystem } from "./fake/system.ts";
export type { FakeBackup, FakeFields, FakeSystemOptions, FakeUser } from "./fake/state.ts";
export type { FakeRow } from "./fake/table.ts";
export { FakeRefusal } from "./fake/transaction.ts";
export { createFakeWorld } from "./fake/world.ts";
export type { FakeWorld } from "./fake/world.ts";
export { describeValueTypeLaws } from "./contract/value-type.ts";
export type { ValueTypeLawsOptions } from "./contract/value-type.ts";

// contract
export { connectorContract } from "./contract/connector-contract.ts";
export { fakeContractWorld } from "./contract/fake-world.ts";
export type {
  ContractFacts,
  ContractFields,
  ContractKey,
  ContractObject,
  ContractWorld,
  HeldTransaction,
  MakeWorld,
  SideDoor,
} from "./contract/world.ts";

// store
export { memoryStore } from "./fake/store/memory-store.ts";
export { MemoryState } from "./fake/store/memory-state.ts";

// bench
export { drive } from "./bench/drive.ts";
export { engineBench, UNCANCELLED } from "./bench/engine-bench.ts";
export type { EngineBenchOptions } from "./bench/engine-bench.ts";
export { benchModel } from "./bench/model.ts";
export { Stage, STAGE_OBJECT, STAGE_SYNC } from "./bench/stage.ts";
export type { ContextOptions, StageOptions, StageSync } from "./bench/stage.ts";
export type { BenchField, BenchSide, BenchSync } from "./bench/model.ts";

// small
export { cutting, groupMapping, OWNER, plainMapping, referenceMapping, smallImage, smallSync } from "./small/small-sync.ts";
export type { SmallField, SmallMapping, SmallOptions } from "./small/small-sync.ts";
export { SmallWorld } from "./small/small-world.ts";
export type { SmallAlteration, SmallWrite } from "./small/small-world.ts";
export { storeContract } from "./contract/store-contract.ts";
export { NO_CHANGES } from "./contract/store-samples.ts";
export type { StoreWorld } from "./contract/store-contract.ts";

// the program as users run it
export { createCommandLine } from "./program/command-line.ts";
export type { CommandLine, Ended, Running, RunOptions } from "./program/command-line.ts";
export { createShop } from "./program/shop.ts";
export type { Shop, ShopOptions } from "./program/shop.ts";

// crash: kill -9 of the real program on real databases
export { runCrashCampaign } from "./crash/campaign.ts";
export type { CrashOptions, CrashReport, CrashRound } from "./crash/campaign.ts";
export { CRASH_ROWS } from "./crash/crash-table.ts";
export type { CrashRow } from "./crash/crash-table.ts";
export type { CrashTopology } from "./crash/crash-world.ts";
export { crashReportText, neverHit } from "./crash/report.ts";
export { startTcpProxy } from "./crash/tcp-proxy.ts";
export type { Direction } from "./crash/proxied-connection.ts";
export type { TcpProxy } from "./crash/tcp-proxy.ts";
export { TROUBLES } from "./crash/trouble.ts";
export type { Trouble } from "./crash/trouble.ts";

// simulate: the real engine on simulated ports
export { generateSetting } from "./simulate/generate.ts";
export type { Setting } from "./simulate/setting.ts";
export { settingText, shrinkSetting } from "./simulate/shrink.ts";
export { namesValue } from "./simulate/check/told-values.ts";
export { playSeeds, playSetting, simulate } from "./simulate/simulate.ts";
export type { Campaign, Played } from "./simulate/simulate.ts";

// exhaustive: short scenarios in which the process dies after every step
export { exhaust } from "./exhaustive/exhaust.ts";
export type { Exhausted, ExhaustOptions } from "./exhaustive/exhaust.ts";
export type { Scenario } from "./exhaustive/scenario.ts";
export { SCENARIOS } from "./exhaustive/scenarios.ts";
