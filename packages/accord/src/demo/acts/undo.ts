import type { Stage } from "../stage.ts";

/** A run that went wrong is taken back, while everything else goes on. */
export async function undoRun(stage: Stage): Promise<void> {
  await stage.chapter("A bad import, undone");
  await stage.say("Accord was restarted, so that this is a run of its own. Someone loads an old list into the CRM:");
  const bad = await stage.startRun({ isQuiet: true });
  let victims: readonly Victim[] = [];
  try {
    victims = await loadOldList(stage);
  } finally {
    await bad.stop();
  }
  const again = await stage.startRun({ isQuiet: true });
  try {
    await takeBack(stage, bad.run, victims);
  } finally {
    await again.stop();
  }
}

interface Victim {
  readonly id: string;
  readonly email: string;
}

/** Marks some customers as lapsed, and waits until the ERP shows it. */
async function loadOldList(stage: Stage): Promise<readonly Victim[]> {
  const [found] = await stage.crm.run(
    "SELECT id, lower(email) FROM contacts WHERE archived = 0 AND stage = 'customer' AND id BETWEEN 20 AND 45",
  );
  const victims = (found?.rows ?? []).map(([id, email]) => ({ id: id ?? "", email: email ?? "" }));
  await stage.sql(stage.crm, "UPDATE contacts SET stage = 'lapsed' WHERE archived = 0 AND stage = 'customer' AND id BETWEEN 20 AND 45");
  const spread = await stage.until(async () => (await count(stage, victims, "Z")) === victims.length);
  stage.check(spread.holds && victims.length > 3, `${victims.length} customers are marked as lapsed in the ERP too`);
  return victims;
}

async function takeBack(stage: Stage, run: number, victims: readonly Victim[]): Promise<void> {
  const [first] = victims;
  if (first === undefined) return;
  await stage.say("Next morning a clerk sets one of them to lead by hand. That edit came after the import, and has to stay:");
  await stage.sql(stage.erp, `UPDATE customer SET status = 'L' WHERE lower(email_address) = '${first.email}'`);
  await stage.until(async () => (await stage.row(stage.crm, `SELECT stage FROM contacts WHERE id = ${first.id}`))[0] === "lead");
  await stage.accord(["undo", String(run), "--limit", "4"], { exits: [3] });
  await stage.say("So far it was only shown. Now it is done:");
  await stage.accord(["undo", String(run), "--yes", "--limit", "4"]);
  const back = await stage.until(async () => (await count(stage, victims, "A")) === victims.length - 1);
  stage.check(back.holds, `${victims.length - 1} customers are active again in the ERP, by its own query`);
  stage.check((await count(stage, [first], "L")) === 1, "the clerk's later edit was left alone");
}

/** How many of them have this status in the ERP. */
async function count(stage: Stage, victims: readonly Victim[], status: string): Promise<number> {
  const emails = victims.map(({ email }) => `'${email.replaceAll("'", "''")}'`).join(", ");
  const [figure] = await stage.row(
    stage.erp,
    `SELECT count(*) FROM customer WHERE NOT archived AND lower(email_address) IN (${emails}) AND status = '${status}'`,
  );
  return Number(figure);
}
