import { expect, test } from "vitest";
import type { RecordPage } from "../connector/connector.ts";
import { PagesAhead } from "./pages-ahead.ts";

function pageOf(name: number): RecordPage {
  return { ids: [`${name}a`, `${name}b`], images: ["", ""], position: "p", complete: false };
}

/** Lets everything that can go on do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

function listing(
  pages: number,
  failure: Error | null = null,
): { readonly given: () => number; readonly isClosed: () => boolean; readonly pages: AsyncIterable<RecordPage> } {
  let given = 0;
  let isClosed = false;
  async function* all(): AsyncIterable<RecordPage> {
    try {
      for (; given < pages;) yield await Promise.resolve(pageOf(given++));
      if (failure !== null) throw failure;
    } finally {
      isClosed = true;
    }
  }
  return { given: () => given, isClosed: () => isClosed, pages: all() };
}

test("[S52] a listing is read ahead as far as is allowed, and on as its pages are taken", async () => {
  const source = listing(9);
  const ahead = new PagesAhead(source.pages, 4);
  await settle();
  expect(source.given()).toBe(2);
  expect((await ahead.next())?.ids[0]).toBe("0a");
  await settle();
  expect(source.given()).toBe(3);
  const names: string[] = [];
  for (let page = await ahead.next(); page !== null; page = await ahead.next()) names.push(page.ids[0] ?? "");
  expect(names).toEqual(["1a", "2a", "3a", "4a", "5a", "6a", "7a", "8a"]);
  expect(await ahead.next()).toBeNull();
});

test("[S4] what was listed before a failure is given before the failure is", async () => {
  const ahead = new PagesAhead(listing(2, new RangeError("gone")).pages, 100);
  await settle();
  expect((await ahead.next())?.ids[0]).toBe("0a");
  expect((await ahead.next())?.ids[0]).toBe("1a");
  await expect(ahead.next()).rejects.toThrow("gone");
});

test("[S4] a listing that is left is closed, wherever it is", async () => {
  for (const recordsMax of [2, 100]) {
    const source = listing(9);
    const ahead = new PagesAhead(source.pages, recordsMax);
    await ahead.next();
    await ahead.close();
    await settle();
    expect(source.isClosed()).toBe(true);
  }
});
