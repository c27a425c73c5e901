// run: pull, merge, push, settle
export { releaseEngine, renewEngine, runLive, takeEngine } from "./run/run.ts";
export { drain, drainAll, releaseLeases } from "./run/drain.ts";
export { sweep } from "./run/list.ts";
export { detailsOf, look, makePlan } from "./run/plan.ts";
export type { PlannedDetail, PlannedField, PlanSummary, SidePlan, SyncPlan } from "./run/plan.ts";
export { applyPlan, drainUntilQuiet, sampleOf } from "./run/apply.ts";
export type { Applied, ApplyChoice } from "./run/apply.ts";
export { verify } from "./run/verify.ts";
export type { Difference, Verified } from "./run/verify.ts";
export { refreshStates, SILENT_WATCHER } from "./run/context.ts";
export type { EngineContext, RunningSync, RunWatcher } from "./run/context.ts";
export { lastNoticed } from "./run/noticed.ts";
export type { PausedAt } from "./run/noticed.ts";
export { pausedFrom } from "./run/paused-from.ts";
export { DoubtfulReadings } from "./run/doubtful-readings.ts";
export { Echoes } from "./run/echoes.ts";
export { Fights } from "./run/fights.ts";
export { DEFAULT_LIMITS, requestMsMax } from "./run/limits.ts";
export type { Limits } from "./run/limits.ts";
export type { GuardSettings, SyncSettings } from "./run/settings.ts";
export type { DecideRequest, LinkRequest, RetryRequest, UndoRequest } from "./run/requests.ts";

// journal
export { planUndo } from "./journal/undo.ts";
export { previewUndo } from "./journal/preview-undo.ts";
export type { UndoStep } from "./journal/preview-undo.ts";
export type { UndoCells, UndoFilter, UndoItem } from "./journal/undo.ts";
export type {
  ContactPayload,
  CreatePayload,
  JournalPayload,
  MergePayload,
  MergePayloadEvent,
  RefusedPayload,
  WritePayload,
  WrittenField,
} from "./journal/payload.ts";
export { fieldsMade } from "./journal/payload.ts";
