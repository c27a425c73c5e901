import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPhoneRegion, phoneType } from "./phone.ts";
import { qualityTypes } from "./quality-types.ts";

const german = phoneType("DE");
const anywhere = phoneType(null);

const spellings = fc.oneof(
  fc.constantFrom(
    "+49 30 901820",
    "030/90 18 20",
    "(030) 901820",
    "0049 30 901820",
    "30901820",
    "4930901820",
    "+4930901820",
    "030 901820 ext. 12",
    "+49 30 901820 x12",
    "030 901820;ext=12",
    "03090182012",
    "112",
    "0112",
    "+49112",
    "+1 212 555 0100",
    "2125550100",
    "1-800-FLOWERS",
    "1800",
    "030 901820 (evenings)",
    "x12",
    "٠٣٠٩٠١٨٢٠",
  ),
  fc.string({ unit: fc.constantFrom(..."0134 9+-/()x".split("")), minLength: 1, maxLength: 14 }).map((text) => `${text}0`),
);
describeValueTypeLaws(german, { spellings });
describeValueTypeLaws(anywhere, { spellings });

describe("phone", () => {
  test("a number is kept as it was written, but for white space", () => {
    expect(german.parse("  030/90  18\u00a020 ")).toEqual({ kind: "value", text: "030/90 18 20" });
  });

  test.each(["", " ", "n/a", "+", "unknown"])("%j has no digit and is refused", (spelling) => {
    expect(german.parse(spelling).kind).toBe("invalid");
  });

  test.each([
    ["+49 30 901820", "030/90 18 20", true],
    ["+49 (0)30 901820", "0049 30 901820", true],
    ["+1 (212) 555-0100", "+12125550100", true],
    ["030 901820 ext. 12", "+49 30 901820 x12", true],
    ["٠٣٠٩٠١٨٢٠", "030 901820", true],
    ["112", "1 1 2", true],
    ["030 901820", "030 901821", false],
    ["030 901820", "030 901820 ext. 12", false],
    ["030 901820", "030 901820 (evenings)", false],
    ["030 901820", "030 901820 / 030 901821", false],
    ["1-800-FLOWERS", "1-800-GET-FOOD", false],
    ["12345", "012345", false],
    ["+49 30 901820", "+43 30 901820", false],
  ])("in Germany %j and %j being equal is %j", (a, b, equal) => {
    expect(german.equal(a, b)).toBe(equal);
  });

  test("without a region, a number without a country code is its digits", () => {
    expect(anywhere.equal("030 901820", "030/90 18 20")).toBe(true);
    expect(anywhere.equal("030 901820", "+49 30 901820")).toBe(false);
    expect(anywhere.equal("+49 30 901820", "+4930901820")).toBe(true);
  });

  test("[S36] the match key is the number in E.164 with its extension, else its digits", () => {
    expect([german.key("030/90 18 20"), german.key("030 901820 ext. 12"), german.key("11-2")]).toEqual([
      "+4930901820",
      "+4930901820;ext=12",
      "112",
    ]);
  });

  test("the semantic types are found by name, and a region is checked before it is used", () => {
    const types = qualityTypes({ defaultRegion: "DE" });
    expect([...types].map(([name, type]) => [name, type.name])).toEqual([
      ["email", "email"],
      ["phone", "phone(DE)"],
    ]);
    expect(qualityTypes({ defaultRegion: null }).get("phone")?.name).toBe("phone");
    expect([isPhoneRegion("DE"), isPhoneRegion("Germany"), isPhoneRegion("constructor")]).toEqual([true, false, false]);
  });
});
