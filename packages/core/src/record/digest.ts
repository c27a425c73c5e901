/**
 * A 64-bit fingerprint of a text as 16 hexadecimal digits: enough to tell that an image changed since a plan was made [S60], not a protection against forgery.
 * Two multiplicative hashes of 32 bits with independent seeds (the construction of MurmurHash3's finalizer).
 */
export function fingerprint(text: string): string {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 2654435761);
    high = Math.imul(high ^ unit, 1597334677);
  }
  low = finish(low) ^ finish(high >>> 3);
  high = finish(high) ^ finish(low >>> 5);
  return hex(high) + hex(low);
}

function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 2246822507);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 3266489909);
  return mixed ^ (mixed >>> 16);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
