import { applyAll, pilot } from "./acts/first-contact.ts";
import { proveAgreement } from "./acts/evidence.ts";
import { conflictDecided, deleteArchives, editsFlow, explainValue, fieldsMerge, stockCounts } from "./acts/live.ts";
import { meetSystems, settleTwins, showPlan } from "./acts/meet.ts";
import { undoRun } from "./acts/undo.ts";
import type { Stage } from "./stage.ts";

/** The whole demo, from strangers to agreement. */
export async function play(stage: Stage): Promise<void> {
  await meetSystems(stage);
  await showPlan(stage);
  await settleTwins(stage);
  await pilot(stage);
  await applyAll(stage);
  await stage.chapter("Live");
  const live = await stage.startRun();
  try {
    await editsFlow(stage);
    await fieldsMerge(stage);
    await conflictDecided(stage);
    await stockCounts(stage);
    await deleteArchives(stage);
    await explainValue(stage);
  } finally {
    await live.stop();
  }
  await undoRun(stage);
  await proveAgreement(stage);
}
