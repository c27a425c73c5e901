import type { Stage } from "../stage.ts";

/** A run that went wrong is taken back, while everything else goes on. */
export async function undoRun(stage: Stage, run: number): Promise<void> {
  await stage.chapter("A bad import, undone");
  await stage.say(`Accord was restarted: this is run ${run}. Someone loads an old list into the CRM:`);
  const victims = await stage.crm.run("SELECT id, email FROM contacts WHERE archived = 0 AND stage = 'customer' AND id BETWEEN 20 AND 45");
  const emails = (victims[0]?.rows ?? []).map(([, email]) => (email ?? "").toLowerCase());
  const list = emails.map((email) => `'${email.replaceAll("'", "''")}'`).join(", ");
  const lapsed = `SELECT count(*) FROM customer WHERE lower(email_address) IN (${list}) AND status = 'Z'`;
  await stage.sql(stage.crm, "UPDATE contacts SET stage = 'lapsed' WHERE stage = 'customer' AND archived = 0 AND id BETWEEN 20 AND 45");
  const spread = await stage.until(async () => (await stage.row(stage.erp, lapsed))[0] === String(emails.length));
  stage.check(spread.holds && emails.length > 3, `${emails.length} customers are marked as lapsed in the ERP too`);
  await stage.say("A clerk notices one of them and sets it to lead by hand; that edit came after, and has to stay:");
  const first = emails[0] ?? "";
  await stage.sql(stage.erp, `UPDATE customer SET status = 'L' WHERE lower(email_address) = '${first}'`);
  await stage.until(async () => (await stage.row(stage.crm, `SELECT stage FROM contacts WHERE lower(email) = '${first}' AND archived = 0`))[0] === "lead");
  await stage.accord(["undo", String(run), "--field", "stage", "--since", "1h", "--entity", `customers/crm:${victims[0]?.rows[1]?.[0] ?? ""}`], { exits: [3] });
  await stage.say("That was one record, and only shown. Now the whole run:");
  await stage.accord(["undo", String(run), "--yes", "--limit", "4"], { exits: [0] });
  const back = await stage.until(async () => (await stage.row(stage.erp, lapsed))[0] === "0");
  const [kept] = await stage.row(stage.erp, `SELECT status FROM customer WHERE lower(email_address) = '${first}'`);
  const [right] = await stage.row(stage.erp, `SELECT count(*) FROM customer WHERE lower(email_address) IN (${list}) AND status = 'A'`);
  stage.check(back.holds && right === String(emails.length - 1), `${emails.length - 1} customers are active again in the ERP, by its own query`);
  stage.check(kept === "L", "the clerk's later edit was left alone");
}
