/**
 * Whether payloads of the journal, one a line, name a value: as a text of its own, or as a cell of an image. For values that neither JSON nor an image escapes.
 */
export function namesValue(payloads: string, value: string): boolean {
  const begins = ['"', "\\t"];
  return begins.some((begin) => begins.some((end) => payloads.includes(`${begin}${value}${end}`)));
}
