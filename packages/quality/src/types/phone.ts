import type { ParseResult, ValueType } from "@accord/core";
import { isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { CountryCode } from "libphonenumber-js/max";

/** A region whose numbering plan is known, by its ISO 3166-1 code: `DE`. Made by {@link isPhoneRegion}. */
export type PhoneRegion = CountryCode;

/** Whether a text from a configuration names a region that {@link phoneType} can take. */
export function isPhoneRegion(text: string): text is PhoneRegion {
  return isSupportedCountry(text);
}

/**
 * A telephone number, kept as it was written but for white space: systems and people format numbers in their own ways, and rewriting them all would be an edit
 * nobody made. A text without a digit is refused.
 *
 * Two spellings are equal when they are the same valid number in E.164 with the same extension; a text that is no valid number (a short internal one, two
 * numbers, a remark beside it) is equal to another such text with the same letters and digits. Doubtful cases are therefore different: taking equal numbers
 * for different ones costs a write, the reverse swallows an edit. The match key is the same identity. [S36]
 *
 * Answers come from libphonenumber's numbering plans: raise `version` whenever an update of the package changes them. [S51]
 *
 * @param defaultRegion where numbers without a country code are at home; null: they are compared by their digits alone
 */
export function phoneType(defaultRegion: PhoneRegion | null): ValueType {
  const identityOf = (text: string): string => phoneIdentity(text, defaultRegion);
  return {
    name: defaultRegion === null ? "phone" : `phone(${defaultRegion})`,
    version: 1,
    parse: parsePhone,
    equal: (a, b) => a === b || identityOf(a) === identityOf(b),
    order: null,
    hash: identityOf,
    key: identityOf,
  };
}

const DIGIT = /\p{Nd}/u;
const WHITE_SPACE = /\s+/g;
const NEITHER_LETTER_NOR_NUMBER = /[^\p{L}\p{N}]+/gu;

function parsePhone(text: string): ParseResult {
  if (!DIGIT.test(text)) return { kind: "invalid", problem: "a telephone number without a digit" };
  return { kind: "value", text: text.trim().replace(WHITE_SPACE, " ") };
}

/** E.164, with the extension as RFC 3966 writes it; otherwise letters and digits, which never begin with E.164's plus sign. */
function phoneIdentity(text: string, defaultRegion: PhoneRegion | null): string {
  // Without `extract: false` a remark beside the number would be dropped, and adding one would go unseen.
  const options = { extract: false, ...(defaultRegion === null ? {} : { defaultCountry: defaultRegion }) };
  const number = parsePhoneNumberFromString(text, options);
  if (number?.isValid() !== true) return text.normalize("NFKC").toLowerCase().replace(NEITHER_LETTER_NOR_NUMBER, "");
  return number.ext === undefined || number.ext === "" ? number.number : `${number.number};ext=${number.ext}`;
}
