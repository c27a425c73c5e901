import type { ConflictsJson } from "../../cli/conflicts.ts";
import type { SystemClient } from "../clients.ts";
import type { Stage } from "../stage.ts";

/** Runs a change at one system and measures until a user of the other sees it. The clock starts when the change is committed. */
async function measure(stage: Stage, from: SystemClient, change: string, at: SystemClient, query: string, wanted: string): Promise<number> {
  await stage.sql(from, change);
  const { holds, tookMs } = await stage.until(async () => (await stage.row(at, query))[0] === wanted);
  stage.program.line(`     … ${at.name} shows it`);
  stage.check(holds, `${at.name} shows ${JSON.stringify(wanted)} ${holds ? `${Math.round(tookMs)} ms after the commit at ${from.name}` : "not in time"}`);
  return tookMs;
}

/** Edits that cross, one at a time. */
export async function editsFlow(stage: Stage): Promise<void> {
  await stage.say("Now people work, in both systems at once. An edit on the left:");
  const timed = async (id: number, stage_: string, status: string): Promise<number> => {
    await stage.crm.run(`UPDATE contacts SET stage = '${stage_}' WHERE id = ${id}`);
    const { tookMs } = await stage.until(async () => (await stage.row(stage.erp, `SELECT status FROM customer WHERE customer_no = ${10_000 + id}`))[0] === status);
    return tookMs;
  };
  await stage.wait(200);
  const [now] = await stage.row(stage.crm, "SELECT stage FROM contacts WHERE id = 1");
  const next = now === "lapsed" ? ["customer", "A"] : ["lapsed", "Z"];
  const before = performance.now();
  await stage.crm.run(`UPDATE contacts SET stage = '${next[0] ?? ""}' WHERE id = 1`);
  const committed = performance.now() - before;
  const seen = await stage.until(async () => (await stage.row(stage.erp, "SELECT status FROM customer WHERE customer_no = 10001"))[0] === next[1]);
  stage.program.line(`${stage.program.paint.dim("crm>")} UPDATE contacts SET stage = '${next[0] ?? ""}' WHERE id = 1   ${stage.program.paint.dim(`-- committed in ${committed.toFixed(1)} ms`)}`);
  await stage.sql(stage.erp, "SELECT customer_no, full_name, status FROM customer WHERE customer_no = 10001");
  stage.check(seen.holds, `a client of the ERP saw status ${next[1] ?? ""} ${Math.round(seen.tookMs)} ms after the CRM's commit`);
  const more: number[] = [];
  for (const id of [7, 8, 9, 10]) {
    const [old] = await stage.row(stage.crm, `SELECT stage FROM contacts WHERE id = ${id}`);
    more.push(await timed(id, old === "lead" ? "customer" : "lead", old === "lead" ? "A" : "L"));
  }
  await stage.say(`Four more, the same way: ${more.map((tookMs) => `${Math.round(tookMs)} ms`).join(", ")}.`);
  await stage.say("And one on the right (the ERP alone decides on credit):");
  await measure(stage, stage.erp, "UPDATE customer SET credit_limit = 12345.67 WHERE customer_no = 10001", stage.crm, "SELECT credit_limit FROM contacts WHERE id = 1", "12345.67");
}

/** Different fields of one record, at once, at both sides. */
export async function fieldsMerge(stage: Stage): Promise<void> {
  await stage.chapter("Both edit one record, in different fields");
  const [old] = await stage.row(stage.crm, "SELECT stage FROM contacts WHERE id = 2");
  const next = old === "lead" ? "customer" : "lead";
  const { line, paint } = stage.program;
  line(`${paint.dim("crm>")} UPDATE contacts SET stage = '${next}' WHERE id = 2`);
  line(`${paint.dim("erp>")} UPDATE customer SET phone = '030/23125777' WHERE customer_no = 10002   ${paint.dim("-- at the same moment")}`);
  await Promise.all([
    stage.erp.run("UPDATE customer SET phone = '030/23125777' WHERE customer_no = 10002"),
    stage.crm.run(`UPDATE contacts SET stage = '${next}' WHERE id = 2`),
  ]);
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
  const { line, paint } = stage.program;
  line(`${paint.dim("crm>")} UPDATE contacts SET phone = '+49 30 23125 111' WHERE id = 3`);
  line(`${paint.dim("erp>")} UPDATE customer SET phone = '030/23125222' WHERE customer_no = 10003   ${paint.dim("-- at the same moment")}`);
  await Promise.all([
    stage.erp.run("UPDATE customer SET phone = '030/23125222' WHERE customer_no = 10003"),
    stage.crm.run("UPDATE contacts SET phone = '+49 30 23125 111' WHERE id = 3"),
  ]);
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
  const decided = await stage.until(async () => digits((await stage.row(stage.crm, "SELECT phone FROM contacts WHERE id = 3"))[0]) === "23125222");
  await stage.sql(stage.crm, "SELECT id, last_name, phone FROM contacts WHERE id = 3");
  await stage.sql(stage.erp, "SELECT customer_no, full_name, phone FROM customer WHERE customer_no = 10003");
  stage.check(decided.holds, "the number that the person chose is in both");
}

/** A counter takes both changes. */
export async function stockCounts(stage: Stage): Promise<void> {
  await stage.chapter("A stock count, sold and restocked at once");
  const [start] = await stage.row(stage.erp, "SELECT stock FROM product WHERE sku = 'SKU-1001'");
  await stage.sql(stage.erp, "SELECT sku, name, stock FROM product WHERE sku = 'SKU-1001'");
  const { line, paint } = stage.program;
  line(`${paint.dim("crm>")} UPDATE products SET stock = stock - 3 WHERE sku = 'SKU-1001'   ${paint.dim("-- three sold")}`);
  line(`${paint.dim("erp>")} UPDATE product SET stock = stock + 10 WHERE sku = 'SKU-1001'   ${paint.dim("-- ten delivered, at the same moment")}`);
  await Promise.all([
    stage.erp.run("UPDATE product SET stock = stock + 10 WHERE sku = 'SKU-1001'"),
    stage.crm.run("UPDATE products SET stock = stock - 3 WHERE sku = 'SKU-1001'"),
  ]);
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
  const archived = await stage.until(async () => (await stage.row(stage.erp, "SELECT archived FROM customer WHERE customer_no = 10005"))[0] === "t");
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
