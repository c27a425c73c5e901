import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const packages = join(dirname(fileURLToPath(import.meta.url)), "..", "packages");

describe.each(await readdir(packages))("the front doors of %s", (name) => {
  test("each is in exports, and there is no other index.ts", async () => {
    const manifest: unknown = JSON.parse(await readFile(join(packages, name, "package.json"), "utf8"));
    const sources = await readdir(join(packages, name, "src"), { recursive: true });
    const indexes = sources.filter((path) => /(^|[\\/])index\.ts$/.test(path)).map((path) => `./src/${path.replaceAll("\\", "/")}`);
    expect(indexes.toSorted()).toEqual(sourceEntries(manifest).toSorted());
  });
});

/** The files that `exports` names under our own condition. */
function sourceEntries(manifest: unknown): readonly string[] {
  if (!isObject(manifest) || !isObject(manifest["exports"])) return [];
  return Object.values(manifest["exports"]).map((entry) => (isObject(entry) ? String(entry["@accord/source"]) : String(entry)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
