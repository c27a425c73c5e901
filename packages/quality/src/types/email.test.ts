import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emailType } from "./email.ts";

describeValueTypeLaws(emailType, {
  spellings: fc.oneof(
    fc.constantFrom("Ann@Example.com", "ann@example.com", " ANN@EXAMPLE.COM", "ΑΣ@ΑΣ", "ας@ας", "ασ@ας", "İ@İ"),
    fc.emailAddress(),
  ),
});

describe("email", () => {
  test.each([
    ["  Ann.Lee+news@Example.COM ", "Ann.Lee+news@example.com"],
    ["root@localhost", "root@localhost"],
    ["JÖRG@MÜLLER.DE", "JÖRG@müller.de"],
  ])("%j reads as %j", (spelling, text) => {
    expect(emailType.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each(["", "n/a", "@", "ann@", "@example.com", "ann@a@b", "ann lee@example.com", "a@x.de; b@x.de", "Ann <ann@example.com>"])(
    "%j is no address",
    (spelling) => {
      expect(emailType.parse(spelling).kind).toBe("invalid");
    },
  );

  test("[S15] a system that stores addresses in lower case has made no edit", () => {
    expect(emailType.equal("Ann.Lee@example.com", "ann.lee@example.com")).toBe(true);
  });

  test("[S36] the match key is in lower case and keeps dots and tags", () => {
    expect(emailType.key("Ann.Lee+news@example.com")).toBe("ann.lee+news@example.com");
  });
});
