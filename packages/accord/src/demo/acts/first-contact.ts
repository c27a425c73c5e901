import type { HistoryJson } from "../../cli/history.ts";
import { differences, takeSnapshot } from "../snapshot.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Stage } from "../stage.ts";

/** Rows of the ERP's changes that are shown. */
const SHOWN = 8;

/** Ten operations, looked at in the ERP, taken back, looked at again. */
export async function pilot(stage: Stage): Promise<void> {
  await stage.chapter("A pilot of ten records, applied and undone");
  const before = await takeSnapshot(stage.erp);
  const crmBefore = await takeSnapshot(stage.crm);
  await stage.accord(["apply", "--sample", "10"], { exits: [0] });
  const after = await takeSnapshot(stage.erp);
  const changed = differences(before, after);
  const shown = changed.slice(0, SHOWN);
  await stage.say("What the ERP's own queries show of it:");
  stage.table(
    ["row in the ERP", "column", "before", "after the pilot"],
    shown.map(({ row, column, before: old, after: now }) => [row, column, old, now]),
  );
  await stage.pause(3_000);
  const run = await lastRun(stage);
  await stage.accord(["undo", String(run), "--yes", "--limit", "4"]);
  const undone = await takeSnapshot(stage.erp);
  const crmUndone = await takeSnapshot(stage.crm);
  stage.table(
    ["row in the ERP", "column", "before", "after undo"],
    shown.map(({ row, column, before: old }) => [row, column, old, cellOf(undone, row, column)]),
  );
  await stage.pause(2_500);
  stage.check(changed.length > 0, `the pilot changed ${changed.length} cells and rows of the ERP`);
  stage.check(differences(before, undone).length === 0, "after the undo every row of the ERP is as it was before the pilot");
  stage.check(differences(crmBefore, crmUndone).length === 0, "and every row of the CRM too");
}

/** All of the plan. */
export async function applyAll(stage: Stage): Promise<void> {
  await stage.chapter("Apply");
  await stage.accord(["plan", "--limit", "1"], { exits: [3], lines: 7 });
  await stage.accord(["apply"]);
  const [crm] = await stage.row(stage.crm, "SELECT count(*) FROM contacts WHERE archived = 0");
  const [erp] = await stage.row(stage.erp, "SELECT count(*) FROM customer WHERE NOT archived");
  stage.check(crm === erp && crm !== undefined, `${crm ?? "?"} contacts in the CRM, ${erp ?? "?"} customers in the ERP`);
  const [twins] = await stage.row(
    stage.erp,
    "SELECT count(*) FROM (SELECT lower(email_address) FROM customer WHERE NOT archived GROUP BY 1 HAVING count(*) > 1) AS twin",
  );
  stage.check(twins === "0", "nobody is there twice");
}

/** The number of the run that began last. */
async function lastRun(stage: Stage): Promise<number> {
  const answer = await stage.ask<HistoryJson>(["history", "--limit", "1"]);
  return "runs" in answer ? (answer.runs[0]?.run ?? 0) : 0;
}

function cellOf(snapshot: Snapshot, row: string, column: string): string | null {
  const cells = snapshot.get(row);
  if (column !== "—") return cells?.get(column) ?? null;
  return cells === undefined ? "(not there)" : (cells.get("full_name") ?? cells.get("name") ?? "(there)");
}
