import type { ConflictsJson } from "../../cli/conflicts-json.ts";
import type { Stage } from "../stage.ts";

/**
 * Both users write at the same moment. The ERP's transaction is open while the CRM commits, and commits right after: whatever the machine's speed, neither has seen
 * the other's write.
 */
async function atOnce(stage: Stage, crm: string, erp: string, remark: string): Promise<void> {
  const { line, paint } = stage.program;
  line(`${paint.dim("crm>")} ${crm}`);
  line(`${paint.dim("erp>")} ${erp}   ${paint.dim(`-- ${remark}`)}`);
  await stage.erp.run(`BEGIN; ${erp}`);
  await stage.crm.run(crm);
  await stage.erp.run("COMMIT");
}

/** Edits that cross, one at a time. */
export async function editsFlow(stage: Stage): Promise<void> {
  await stage.say("Now people work, in both systems at once. An edit on the left, and the time until a client of the ERP sees it:");
  const first = await moveStage(stage, 1);
  const { line, paint } = stage.program;
  line(`${paint.dim("crm>")} UPDATE contacts SET stage = '${first.stage}' WHERE id = 1`);
  await stage.sql(stage.erp, "SELECT customer_no, full_name, status FROM customer WHERE customer_no = 10001");
  stage.check(first.isSeen, `a client of the ERP saw status ${first.status} ${Math.round(first.tookMs)} ms after the CRM's commit`);
  const more: string[] = [];
  for (const id of [7, 8, 9, 10]) more.push(`${Math.round((await moveStage(stage, id)).tookMs)} ms`);
  await stage.say(`Four more, the same way: ${more.join(", ")}.`);
  await stage.say("And one on the right (the ERP alone decides on credit):");
  await stage.sql(stage.erp, "UPDATE customer SET credit_limit = 12345.67 WHERE customer_no = 10001");
  const credit = await stage.until(
    async () => (await stage.row(stage.crm, "SELECT credit_limit FROM contacts WHERE id = 1"))[0] === "12345.67",
  );
  await stage.sql(stage.crm, "SELECT id, last_name, credit_limit FROM contacts WHERE id = 1");
  stage.check(credit.holds, "the CRM shows the ERP's figure, to the cent");
}

/** Changes a contact's stage in the CRM and waits for the ERP to show it: the clock starts when the CRM has committed. */
async function moveStage(
  stage: Stage,
  id: number,
): Promise<{ readonly stage: string; readonly status: string; readonly isSeen: boolean; readonly tookMs: number }> {
  const [old] = await stage.row(stage.crm, `SELECT stage FROM contacts WHERE id = ${id}`);
  const next = old === "lead" ? { stage: "customer", status: "A" } : { stage: "lead", status: "L" };
  await stage.crm.run(`UPDATE contacts SET stage = '${next.stage}' WHERE id = ${id}`);
  const { holds, tookMs } = await stage.until(
    async () => (await stage.row(stage.erp, `SELECT status FROM customer WHERE customer_no = ${10_000 + id}`))[0] === next.status,
  );
  return { ...next, isSeen: holds, tookMs };
}

/** Different fields of one record, at once, at both sides. */
export async function fieldsMerge(stage: Stage): Promise<void> {
  await stage.chapter("Both edit one record, in different fields");
  const [old] = await stage.row(stage.crm, "SELECT stage FROM contacts WHERE id = 2");
  const next = old === "lead" ? "customer" : "lead";
  await atOnce(
    stage,
    `UPDATE contacts SET stage = '${next}' WHERE id = 2`,
    "UPDATE customer SET phone = '030/23125777' WHERE customer_no = 10002",
    "at the same moment",
  );
  const status = next === "lead" ? "L" : "A";
  const merged = await stage.until(async () => {
    const [crmStage, crmPhone] = await stage.row(stage.crm, "SELECT stage, phone FROM contacts WHERE id = 2");
    const [erpStatus, erpPhone] = await stage.row(stage.erp, "SELECT status, phone FROM customer WHERE customer_no = 10002");
    return crmStage === next && erpStatus === status && digits(crmPhone) === "23125777" && digits(erpPhone) === "23125777";
  });
  await stage.sql(stage.crm, "SELECT id, last_name, stage, phone FROM contacts WHERE id = 2");
  await stage.sql(stage.erp, "SELECT customer_no, full_name, status, phone FROM customer WHERE customer_no = 10002");
  stage.check(merged.holds, "both edits stand at both sides: nothing was overwritten");
}

/** The same field, at once, differently. */
export async function conflictDecided(stage: Stage): Promise<void> {
  await stage.chapter("Both edit the same field: a person decides");
  await atOnce(
    stage,
    "UPDATE contacts SET phone = '+49 30 23125 111' WHERE id = 3",
    "UPDATE customer SET phone = '030/23125222' WHERE customer_no = 10003",
    "at the same moment",
  );
  let conflict = "";
  await stage.until(async () => {
    const { conflicts } = await stage.ask<ConflictsJson>(["conflicts", "list"]);
    conflict = conflicts.find(({ kind }) => kind === "field")?.id ?? "";
    return conflict !== "";
  });
  stage.check(conflict !== "", "the conflict waits in the review inbox; neither number was written over the other", true);
  await stage.accord(["conflicts"], { exits: [3] });
  const [crmPhone] = await stage.row(stage.crm, "SELECT phone FROM contacts WHERE id = 3");
  const [erpPhone] = await stage.row(stage.erp, "SELECT phone FROM customer WHERE customer_no = 10003");
  stage.check(crmPhone === "+49 30 23125 111" && erpPhone === "030/23125222", "meanwhile each side keeps its own number");
  await stage.accord(["conflicts", "resolve", conflict, "--take", "erp"]);
  const decided = await stage.until(
    async () => digits((await stage.row(stage.crm, "SELECT phone FROM contacts WHERE id = 3"))[0]) === "23125222",
  );
  await stage.sql(stage.crm, "SELECT id, last_name, phone FROM contacts WHERE id = 3");
  await stage.sql(stage.erp, "SELECT customer_no, full_name, phone FROM customer WHERE customer_no = 10003");
  stage.check(decided.holds, "the number that the person chose is in both");
}

/** A counter takes both changes. */
export async function stockCounts(stage: Stage): Promise<void> {
  await stage.chapter("A stock count, sold and restocked at once");
  const [start] = await stage.row(stage.erp, "SELECT stock FROM product WHERE sku = 'SKU-1001'");
  await stage.sql(stage.erp, "SELECT sku, name, stock FROM product WHERE sku = 'SKU-1001'");
  await atOnce(
    stage,
    "UPDATE products SET stock = stock - 3 WHERE sku = 'SKU-1001'",
    "UPDATE product SET stock = stock + 10 WHERE sku = 'SKU-1001'",
    "three sold, ten delivered",
  );
  const wanted = String(Number(start) + 7);
  const counted = await stage.until(async () => {
    const [crm] = await stage.row(stage.crm, "SELECT stock FROM products WHERE sku = 'SKU-1001'");
    const [erp] = await stage.row(stage.erp, "SELECT stock FROM product WHERE sku = 'SKU-1001'");
    return crm === wanted && erp === wanted;
  });
  await stage.sql(stage.crm, "SELECT sku, stock FROM products WHERE sku = 'SKU-1001'");
  await stage.sql(stage.erp, "SELECT sku, stock FROM product WHERE sku = 'SKU-1001'");
  stage.check(counted.holds, `${start ?? "?"} − 3 + 10 = ${wanted} at both sides`);
}

/** A delete becomes an archive, and can be told. */
export async function deleteArchives(stage: Stage): Promise<void> {
  await stage.chapter("A delete is archived, never lost");
  await stage.sql(stage.crm, "DELETE FROM contacts WHERE id = 5");
  const archived = await stage.until(
    async () => (await stage.row(stage.erp, "SELECT archived FROM customer WHERE customer_no = 10005"))[0] === "t",
  );
  await stage.sql(stage.erp, "SELECT customer_no, full_name, email_address, archived FROM customer WHERE customer_no = 10005");
  stage.check(archived.holds, "the ERP keeps the customer, archived");
}

/** Why a value is what it is. */
export async function explainValue(stage: Stage): Promise<void> {
  await stage.chapter("Why is this value what it is?");
  const story = await stage.accord(["explain", "customers", "crm:3", "phone"]);
  stage.check(story.includes("23125 111") && story.includes("23125222"), "both numbers of the conflict are told, the one that lost too");
}

function digits(phone: string | null | undefined): string {
  return (phone ?? "").replaceAll(/\D/g, "").slice(-8);
}
