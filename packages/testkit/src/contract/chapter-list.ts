/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import { failure, fieldsOf, idOf } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { ODD_CUSTOMERS, ODD_KEY_PARTS, ODD_TEXTS } from "./values.ts";

/** Listing and reading. */
export function listRules(rule: Rule): void {
  rule("[S11] a listing of nothing is one complete page", [], async (stage) => {
    const listed = await stage.list(await stage.open("customers"));
    expect(listed.ids).toEqual([]);
    expect(listed.completes).toEqual([true]);
  });

  rule("[S11] a listing shows every record once, and only its last page is complete", [], async (stage) => {
    const object = await stage.open("customers");
    const made = await customers(stage, 25);
    for (const pageSize of [1, 5, 7, 24, 25, 26]) {
      const listed = await stage.list(object, pageSize);
      expect(listed.ids, `page size ${pageSize}`).toEqual(made);
      expect(Math.max(...listed.pageSizes)).toBeLessThanOrEqual(pageSize);
      expect(listed.completes.indexOf(true)).toBe(listed.completes.length - 1);
    }
  });

  rule("a listing is in numeric order where keys are integers", [], async (stage) => {
    const object = await stage.open("customers");
    await customers(stage, 12);
    const { ids } = await stage.list(object, 5);
    expect(ids).toEqual(ids.toSorted((a, b) => Number(a) - Number(b)));
    expect(ids).toHaveLength(12);
  });

  rule("a listing is in the order of bytes where keys are texts, and resumes after any of them", [], async (stage) => {
    const object = await stage.open("regions");
    const codes = ODD_TEXTS.filter((text) => text !== "" && text.length < 100);
    const more = ["a", "B", "b", "A", "a b", "a-b", "ab", "Ä", "10", "9", "z\uFFFD", "z😀", "ß", "ss"];
    for (const code of [...codes, ...more]) await stage.user.insert("regions", { code, title: null });
    const sorted = [...codes, ...more].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect((await stage.list(object, 4)).ids).toEqual(sorted);
    for (const [index, id] of sorted.entries()) {
      expect((await stage.list(object, 100, id)).ids, `after ${JSON.stringify(id)}`).toEqual(sorted.slice(index + 1));
    }
  });

  rule("[S3] composite keys are listed as one text, in the order of its bytes", [], async (stage) => {
    const object = await stage.open("lines");
    const plain = ["1 2", "1 10", "10 1", "2 1", "1 -3", "100 0"].map((key) => key.split(" "));
    const keys = [...plain, ...ODD_KEY_PARTS.map((line) => ["7", line])];
    for (const [order_no = "", line = ""] of keys) await stage.user.insert("lines", { order_no, line, title: `${order_no}/${line}` });
    const sorted = keys.map(idOf).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = await stage.list(object, 2);
    expect(listed.ids).toEqual(sorted);
    for (const [index, id] of sorted.entries()) expect((await stage.list(object, 3, id)).ids).toEqual(sorted.slice(index + 1));
    const { images } = await object.read(sorted, stage.options);
    expect(images).toEqual(sorted.map((id) => listed.images.get(id)));
  });

  rule("a listing resumes after any record, there or gone", [], async (stage) => {
    const object = await stage.open("customers");
    const made = await customers(stage, 9);
    const gone = made[4] ?? "";
    await stage.user.delete("customers", [gone]);
    for (const [index, id] of made.entries()) {
      expect((await stage.list(object, 2, id)).ids, `after ${id}`).toEqual(made.slice(index + 1).filter((other) => other !== gone));
    }
    const end = await stage.list(object, 2, made.at(-1) ?? "");
    expect([end.ids, end.completes]).toEqual([[], [true]]);
  });

  rule("a listing in small pages shows every record that was there all the while, though others come and go", [], async (stage) => {
    const object = await stage.open("customers");
    const made = await customers(stage, 30);
    const seen: string[] = [];
    const coming: string[] = [];
    for await (const page of object.list(null, { ...stage.options, pageSize: 4 })) {
      seen.push(...page.ids);
      const victim = made[seen.length % 3 === 0 ? 29 : seen.length - 1];
      if (victim !== undefined) await stage.user.delete("customers", [victim]);
      coming.push(await stage.customer());
    }
    const here = new Set((await stage.list(object)).ids);
    expect(seen).toEqual([...new Set(seen)]);
    expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
    for (const id of made) if (here.has(id)) expect(seen).toContain(id);
    expect(coming.every((id) => here.has(id))).toBe(true);
  });

  rule("a listing that is dropped half-way leaves the connection as it was, also many times over and at once", [], async (stage) => {
    const object = await stage.open("customers");
    const made = await customers(stage, 20);
    for (let round = 0; round < 12; round += 1) {
      for await (const page of object.list(null, { ...stage.options, pageSize: 3 })) {
        expect(page.ids).toEqual(made.slice(0, 3));
        break;
      }
    }
    const together = await Promise.all(Array.from({ length: 6 }, () => stage.list(object, 6)));
    for (const listed of together) expect(listed.ids).toEqual(made);
  });

  rule("a listing whose caller aborts rejects with ACCORD_CANCELLED at the next page", [], async (stage) => {
    const object = await stage.open("customers");
    await customers(stage, 9);
    const abort = new AbortController();
    const pages = object.list(null, { signal: abort.signal, pageSize: 2 })[Symbol.asyncIterator]();
    expect((await pages.next()).done).toBe(false);
    abort.abort();
    try {
      expect((await failure(pages.next())).code).toBe("ACCORD_CANCELLED");
    } finally {
      await pages.return?.();
    }
    expect((await stage.list(object)).ids).toHaveLength(9);
  });

  rule("reading gives one result per id in the order asked, and null where there is no such record", [], async (stage) => {
    const object = await stage.open("customers");
    const [a = "", b = "", c = ""] = await customers(stage, 3);
    await stage.user.delete("customers", [b]);
    const { images } = await object.read([c, b, a, c, "987654321"], stage.options);
    expect(images.map((image) => (image === null ? null : fieldsOf(object, image)["id"]))).toEqual([c, null, a, c, null]);
    expect((await object.read([], stage.options)).images).toEqual([]);
  });

  rule("[S11] an id that no record can have is absent, not an error", [], async (stage) => {
    const object = await stage.open("customers");
    const [a = ""] = await customers(stage, 1);
    const { images } = await object.read(["no number", a, "99999999999999999999", ""], stage.options);
    expect(images.map((image) => image === null)).toEqual([true, false, true, true]);
  });

  rule("reading as many records as the capabilities allow works", [], async (stage) => {
    const object = await stage.open("customers", ["id", "name"]);
    const made = await customers(stage, 40);
    const idCount = Math.min(object.capabilities.pageSizeMax, 5000);
    const ids = Array.from({ length: idCount }, (_, index) => made[index] ?? String(1_000_000 + index));
    const { images } = await object.read(ids, stage.options);
    expect(images).toHaveLength(idCount);
    expect(images.filter((image) => image !== null)).toHaveLength(Math.min(40, idCount));
  });

  rule("[S5] whatever a user writes is read as it was written, in lists and by id alike, null apart from empty", [], async (stage) => {
    const object = await stage.open("customers");
    const ids: string[] = [];
    for (const fields of ODD_CUSTOMERS) ids.push(await stage.customer(fields));
    const listed = await stage.list(object, 10);
    const { images } = await object.read(ids, stage.options);
    for (const [index, id] of ids.entries()) {
      expect(listed.images.get(id), `record ${index}`).toBe(images[index]);
      expect(fieldsOf(object, images[index] ?? ""), `record ${index}`).toMatchObject(ODD_CUSTOMERS[index] ?? {});
    }
  });
}

async function customers(stage: Stage, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await stage.customer({ name: `customer ${index}` }));
  return ids;
}
