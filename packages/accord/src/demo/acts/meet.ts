import type { ConflictsJson } from "../../cli/conflicts-json.ts";
import { differences, takeSnapshot } from "../snapshot.ts";
import type { Stage } from "../stage.ts";

/** Two systems as they stand: counts, a person in both, what Accord may do there. */
export async function meetSystems(stage: Stage): Promise<void> {
  await stage.chapter("Two systems that know the same people");
  await stage.say("A CRM in a SQLite file, an ERP in a PostgreSQL server. They overlap, they differ, and nobody knows by how much.");
  await stage.sql(
    stage.crm,
    "SELECT (SELECT count(*) FROM contacts) AS contacts, (SELECT count(*) FROM companies) AS companies, (SELECT count(*) FROM products) AS products",
  );
  await stage.sql(
    stage.erp,
    "SELECT (SELECT count(*) FROM customer) AS customers, (SELECT count(*) FROM company) AS companies, (SELECT count(*) FROM product) AS products",
  );
  await stage.sql(stage.crm, "SELECT id, first_name, last_name, email, phone, stage, credit_limit FROM contacts WHERE id <= 3");
  await stage.sql(
    stage.erp,
    "SELECT customer_no, full_name, email_address, phone, status, credit_limit FROM customer WHERE customer_no <= 10003",
  );
  await stage.say(
    "accord.yaml says which columns mean the same. `install` makes what live capture needs; `check` says what can be promised, and which columns are left over:",
  );
  await stage.accord(["install"], { lines: 4 });
  await stage.accord(["check"]);
}

/** What does not match, and the plan: nothing is written. */
export async function showPlan(stage: Stage): Promise<void> {
  await stage.chapter("What does not match, and what would be written");
  const before = [await takeSnapshot(stage.crm), await takeSnapshot(stage.erp)] as const;
  await stage.say(
    "Who is only here, who is only there, which pairs differ, which keys are ambiguous; and every write that would follow, here a few of each kind:",
  );
  await stage.accord(["plan", "--sample", "8"], { exits: [3], lines: 60 });
  const after = [await takeSnapshot(stage.crm), await takeSnapshot(stage.erp)] as const;
  stage.check(
    differences(before[0], after[0]).length + differences(before[1], after[1]).length === 0,
    "both databases hold exactly what they held before the plan",
  );
}

/** Records that exist twice: people decide, and Accord makes no third one meanwhile. */
export async function settleTwins(stage: Stage): Promise<void> {
  await stage.chapter("Twins: the same person entered twice");
  await stage.say("Some e-mail addresses stand for two records at one side. Accord does not guess which of them is meant:");
  await stage.accord(["conflicts"], { exits: [3] });
  await stage.say("In each case the staff keep one record and archive the other, then say which belong together:");
  const { conflicts } = await stage.ask<ConflictsJson>(["conflicts", "list"]);
  const matches = conflicts.flatMap((conflict) => (conflict.kind === "match" ? [conflict] : []));
  const linked = new Set<number>();
  for (const { id, record, candidates } of matches) {
    const [first, ...others] = candidates;
    if (first === undefined) continue;
    if (linked.has(first.entity)) {
      await stage.sql(stage.erp, `UPDATE customer SET archived = true WHERE customer_no = ${record}`);
      continue;
    }
    linked.add(first.entity);
    for (const { records } of others) await stage.sql(stage.crm, `UPDATE contacts SET archived = 1 WHERE id = ${idOf(records[0])}`);
    await stage.accord(["conflicts", "resolve", id, "--link", String(first.entity)]);
  }
  await stage.say("Planned anew, with the archived twins out of the way:");
  await stage.accord(["plan", "--limit", "1"], { exits: [3], lines: 7 });
  const left = await stage.ask<ConflictsJson>(["conflicts", "list"]);
  stage.check(left.open === 0, "no doubtful match is left");
}

/** `crm:17 (archived)` → `17`. */
function idOf(record: string | undefined): string {
  return /^[^:]+:(\d+)/.exec(record ?? "")?.[1] ?? "0";
}
