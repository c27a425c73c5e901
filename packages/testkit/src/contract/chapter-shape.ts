/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import { failure } from "./stage.ts";

/** What a connection says of the system before anything is written: check, discover, open. */
export function shapeRules(rule: Rule): void {
  rule("discover names every object with its key, its columns and how record ids compare", [], async (stage) => {
    const customers = await stage.schema("customers");
    expect(customers.key).toEqual(["id"]);
    expect(customers.keyProblem).toBeNull();
    expect(customers.keyOrder).toBe("integer");
    expect(customers.columns.map(({ name }) => name)).toEqual(["id", "name", "email", "amount", "active", "note", "updated", "internal"]);
    const regions = await stage.schema("regions");
    expect([regions.key, regions.keyOrder]).toEqual([["code"], "bytes"]);
    const lines = await stage.schema("lines");
    expect([lines.key, lines.keyOrder]).toEqual([["order_no", "line"], "bytes"]);
  });

  rule("discover tells which columns may be null, are unique, are filled by the system, and refer to others", [], async (stage) => {
    const customers = await stage.schema("customers");
    const byName = new Map(customers.columns.map((column) => [column.name, column]));
    expect(byName.get("name")).toMatchObject({ nullable: false, writable: true, hasDefault: false });
    expect(byName.get("email")).toMatchObject({ nullable: true, writable: true });
    expect(byName.get("id")).toMatchObject({ hasDefault: true });
    expect(customers.uniques).toContainEqual(["email"]);
    const lines = await stage.schema("lines");
    expect(lines.references).toContainEqual({ columns: ["region"], object: stage.nameOf("regions"), objectColumns: ["code"] });
  });

  rule("[S5, S48] codecs give each column its natural type, and decode what they encode", [], async (stage) => {
    const customers = await stage.schema("customers");
    const samples: Readonly<Record<string, readonly [string, string]>> = {
      id: ["integer", "42"],
      name: ["text", "Ada"],
      amount: ["decimal", "12.5"],
      active: ["boolean", "true"],
      updated: ["instant", "2026-01-02T03:04:05.678901Z"],
    };
    for (const [name, [typeName, text]] of Object.entries(samples)) {
      const codec = customers.columns.find((column) => column.name === name)?.codec;
      expect(codec?.typeName, name).toBe(typeName);
      const cell = codec?.encode(text);
      expect(cell?.kind, name).toBe("value");
      if (cell?.kind === "value") expect(codec?.decode(cell.text), name).toEqual({ kind: "value", text });
    }
  });

  rule("open refuses an object that does not exist, for good", [], async (stage) => {
    const error = await failure(stage.connection.open(`${stage.nameOf("customers")}_nowhere`, ["id"], stage.options));
    expect([error.code, error.remedy]).toEqual(["ACCORD_OBJECT_MISSING", "stop"]);
  });

  rule("[S50] open refuses columns that do not exist, for good, and names them", [], async (stage) => {
    const error = await failure(stage.open("customers", ["id", "no_such_column"]));
    expect(error.remedy).toBe("stop");
    expect(error.message).toContain("no_such_column");
  });

  rule("open keeps the columns in the order asked for", [], async (stage) => {
    const id = await stage.customer({ note: "n", email: "e@example.com" });
    const object = await stage.open("customers", ["note", "email", "name"]);
    expect(object.columns).toEqual(["note", "email", "name"]);
    expect(await stage.image(object, id)).toBe("n\te@example.com\tAda");
  });

  rule("check reports on each object asked about, and says of a missing one what to do", [], async (stage) => {
    const report = await stage.connection.check([stage.nameOf("customers"), stage.nameOf("regions")], stage.options);
    expect(report.system).not.toBe("");
    expect(report.objects.map(({ object }) => object)).toEqual([stage.nameOf("customers"), stage.nameOf("regions")]);
    const missing = await stage.connection.check([`${stage.nameOf("customers")}_nowhere`], stage.options);
    const lines = [...missing.problems, ...missing.objects.flatMap(({ notes }) => notes)];
    expect(lines.filter(({ severity }) => severity === "error").length).toBeGreaterThan(0);
  });

  rule("[S26] an object has the capabilities that this connector is known for once installed", [], async (stage) => {
    const object = await stage.installed();
    const { capture, compareAndSet, proof, externalId } = stage.facts;
    expect(object.capabilities).toMatchObject({ capture, compareAndSet, proof, externalId });
    expect(object.capabilities.batchSizeMax).toBeGreaterThanOrEqual(1);
    expect(object.capabilities.pageSizeMax).toBeGreaterThanOrEqual(1);
    const report = await stage.connection.check([stage.nameOf("customers")], stage.options);
    expect(report.objects[0]?.capabilities).toEqual(object.capabilities);
  });

  rule("[S26, S27] before anything is installed, neither proof nor a feed is promised", [], async (stage) => {
    const object = await stage.open("customers");
    expect(object.capabilities).toMatchObject({ capture: "sweep", proof: false, externalId: false });
  });

  rule("[S12] the epoch stays the same for one system, whoever asks", [], async (stage) => {
    await stage.install();
    const epoch = await stage.connection.epoch(stage.options);
    const other = stage.world.connect();
    await stage.customer();
    expect(await stage.connection.epoch(stage.options)).toBe(epoch);
    expect(await other.epoch(stage.options)).toBe(epoch);
    await other.close();
  });
}
