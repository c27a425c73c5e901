/** How an image is held beside the canonical values: equal to them as one text, that text but for a part in its middle, or its own text. */
export const AS_FIELDS = "F";
export const ALMOST_FIELDS = "P";
export const OWN = "I";

/**
 * An image beside the canonical values, whatever the other members hold: in one way only, so that the same text is the same image. This file imports nothing of the program's: the thread that
 * stages records needs it and not the rest.
 */
export function heldImage(image: string, fields: string): string {
  return image === fields ? AS_FIELDS : ownImage(image, fields);
}

/** `P prefix length SPACE suffix length SPACE middle`, where most of an image is the canonical values: a record one field of which was just edited at another side. */
function ownImage(image: string, fields: string): string {
  const shorter = Math.min(image.length, fields.length);
  let prefix = 0;
  while (prefix < shorter && image.charCodeAt(prefix) === fields.charCodeAt(prefix)) prefix += 1;
  const inImage = image.length - 1;
  const inFields = fields.length - 1;
  let suffix = 0;
  while (suffix < shorter - prefix && image.charCodeAt(inImage - suffix) === fields.charCodeAt(inFields - suffix)) suffix += 1;
  // A half of a surrogate pair is no text that a file can hold.
  if (isHalf(image, prefix)) prefix -= 1;
  if (isHalf(image, image.length - suffix)) suffix -= 1;
  if (prefix + suffix < image.length / 2) return OWN + image;
  return `${ALMOST_FIELDS}${prefix} ${suffix} ${image.slice(prefix, image.length - suffix)}`;
}

/** Whether a cut at this place of a text would part a surrogate pair. */
function isHalf(text: string, at: number): boolean {
  return at > 0 && at < text.length && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}
