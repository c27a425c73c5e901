import { createShop } from "@accord/testkit";
import { expect, test, vi } from "vitest";
import type { HistoryJson } from "./history.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

test("[I14] history tells of every record how it came to be, also where its sides agreed from the first", async () => {
  const shop = createShop({ columns: ["name"], fields: { name: "policy: newest" } });
  try {
    shop.crm.exec("INSERT INTO contacts VALUES (1, 'ann@x.org', 'Ann'), (2, 'bob@x.org', 'Bob'), (3, 'cid@x.org', 'Cid')");
    shop.erp.exec("INSERT INTO customer (email, name) VALUES ('bob@x.org', 'Robert'), ('ann@x.org', 'Ann')");
    await shop.begin();
    const storyOf = async (record: string): Promise<readonly string[]> => {
      const history = await shop.json<HistoryJson>("history", "customers", record);
      return "story" in history ? history.story.map(({ text }) => text) : [];
    };
    expect(await storyOf("crm:1")).toEqual([
      "found at crm and erp at first contact, with the same match key: they are one record, and their values agreed",
    ]);
    expect((await storyOf("crm:2")).join("\n")).toContain("Robert");
    const [found, created] = await storyOf("crm:3");
    expect(found).toBe("found at crm alone at first contact; its values are those of crm");
    expect(created).toMatch(/^Accord created it at erp/);
  } finally {
    await shop.remove();
  }
});
