export { AccordError, assert } from "./errors.ts";
export type { AccordErrorFacts, Remedy } from "./errors.ts";
export { partialConnection } from "./partial.ts";
export { patchesOf } from "./cell-patches.ts";
export type {
  Capabilities,
  CellPatch,
  Change,
  ChangeBatch,
  ConnectContext,
  Connection,
  ConnectionReport,
  ConnectionSettings,
  Connector,
  Cursor,
  Feed,
  FeedStanding,
  GuaranteeLevel,
  InstallMode,
  InstallStep,
  ListOptions,
  NextOptions,
  ObjectReport,
  OpenObject,
  Position,
  Reading,
  RecordPage,
  ReportLine,
  SettingProblem,
  StoreMark,
  WriteOperation,
  WriteOptions,
  WriteOutcome,
} from "./connector.ts";
export type { CallOptions, Clock, Host, Log, LogFacts, Random } from "../host/host.ts";
