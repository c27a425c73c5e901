import { readImage, writeImage, type MemberState, type NativeImage } from "@accord/core";
import type { StoredMember } from "@accord/engine/store";
import type { Side } from "./catalogue.ts";
import { ALMOST_FIELDS, AS_FIELDS, heldImage, OWN } from "./held-image.ts";

/** What an entity's row holds of one member that has a record; the rest is in its header, its extra and the `member` table. */
export type MemberBody = Pick<StoredMember, "image" | "position" | "seenAtMs">;

/** The same with the record whose body it is. */
export type HeldMember = MemberBody & Pick<StoredMember, "record">;

/** In the order of their numbers in the tables. */
export const MEMBER_STATES: readonly MemberState[] = ["absent", "creating", "live", "archived", "deleted", "outOfScope", "lost"];
/** The states of a member whose record exists at its side, as SQL: live, archived, outOfScope. */
export const STATES_WITH_RECORD = "(2, 3, 5)";

/** Whether a state's number is one of those. */
export function isWithRecord(state: string): boolean {
  return state === "2" || state === "3" || state === "5";
}

/** How an image is held, beside the forms of {@link heldImage}: null, and equal to the image of the first side that has one. */
const NONE = "0";
export const AS_FIRST = "=";

/**
 * The members of an entity as one text, a line per side, empty where there is no record: `seen at TAB position TAB image`. Images hold no line ends. What is equal
 * on all sides, as most of it is, is written once. Together with the entity's own row, so that a change of one record touches one page of the file and not three.
 */
export function writeMemberBodies(members: readonly (HeldMember | null)[], sides: readonly Side[], fields: string): string {
  let text = "";
  let first: NativeImage | null = null;
  for (const { place } of sides) {
    if (place > 0) text += "\n";
    const member = members[place];
    if (member === null || member === undefined || member.record === null) continue;
    const { image, position, seenAtMs } = member;
    text += bodyHead(seenAtMs, position);
    if (image === null) text += NONE;
    else if (image === first && image !== fields) text += AS_FIRST;
    else text += heldImage(image, fields);
    first ??= image;
  }
  return text;
}

/** The members with one of them new or changed: what the others hold stands as it is. The same text as {@link writeMemberBodies} would make of them all. */
export function withMemberBody(
  text: string,
  sides: readonly Side[],
  fields: string,
  place: number,
  member: HeldMember & { readonly image: NativeImage },
): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line, index) => index !== place && hasImage(line));
  const firstLine = lines[first] ?? "";
  if (first !== -1 && first < place) {
    // Where both hold the same, as after a first copy, it is seen without looking for what the image has in common with the canonical values.
    const isSame = member.image !== fields && readHeldImage(firstLine, bodyAt(firstLine), fields, null) === member.image;
    lines[place] = bodyHead(member.seenAtMs, member.position) + (isSame ? AS_FIRST : heldImage(member.image, fields));
    return lines.join("\n");
  }
  const body = heldImage(member.image, fields);
  const isOwn = body !== AS_FIELDS;
  // It is the first, and others may be held as that.
  if (lines.some((line, index) => index !== place && (holds(line, AS_FIRST) || (isOwn && holds(line, body))))) {
    const bodies = readMemberBodies(text, fields).map((one): HeldMember | null => one && { ...one, record: "" });
    bodies[place] = member;
    return writeMemberBodies(bodies, sides, fields);
  }
  lines[place] = bodyHead(member.seenAtMs, member.position) + body;
  return lines.join("\n");
}

function hasImage(line: string): boolean {
  return line !== "" && line[bodyAt(line)] !== NONE;
}

/** Whether a line holds its image by this very text. An image beside the canonical values is held in one way only: the same text is the same image. */
function holds(line: string | undefined, body: string): boolean {
  return line !== undefined && line !== "" && line.length - bodyAt(line) === body.length && line.endsWith(body);
}

/** Where the image begins in a line. */
function bodyAt(line: string): number {
  return line.indexOf("\t", line.indexOf("\t") + 1) + 1;
}

/** What stands before the image in a member's line. */
export function bodyHead(seenAtMs: number, position: MemberBody["position"]): string {
  return `${seenAtMs}\t${position === null ? NULL_POSITION : writeImage([position])}\t`;
}

/** The inverse of {@link heldImage}. */
export function readHeld(held: string, fields: string): NativeImage | null {
  return readHeldImage(held, 0, fields, null);
}

const NULL_POSITION = writeImage([null]);

/** Null where the side has no record. */
export function readMemberBodies(text: string, fields: string): (MemberBody | null)[] {
  let first: NativeImage | null = null;
  return text.split("\n").map((line) => {
    if (line === "") return null;
    const afterSeen = line.indexOf("\t");
    const afterPosition = line.indexOf("\t", afterSeen + 1);
    const image = readHeldImage(line, afterPosition + 1, fields, first);
    first ??= image;
    return {
      seenAtMs: Number(line.slice(0, afterSeen)),
      position: readPosition(line.slice(afterSeen + 1, afterPosition)),
      image,
    };
  });
}

function readPosition(text: string): MemberBody["position"] {
  return text.includes("\\") ? (readImage(text)[0] ?? null) : text;
}

function readHeldImage(line: string, at: number, fields: string, first: NativeImage | null): NativeImage | null {
  switch (line[at]) {
    case AS_FIELDS:
      return fields;
    case AS_FIRST:
      return first;
    case ALMOST_FIELDS: {
      const afterPrefix = line.indexOf(" ", at);
      const afterSuffix = line.indexOf(" ", afterPrefix + 1);
      const prefix = Number(line.slice(at + 1, afterPrefix));
      const suffix = Number(line.slice(afterPrefix + 1, afterSuffix));
      return `${fields.slice(0, prefix)}${line.slice(afterSuffix + 1)}${fields.slice(fields.length - suffix)}`;
    }
    case OWN:
      return line.slice(at + 1);
    default:
      return null;
  }
}

/** The images alone; null where there is none. */
export function readMemberImages(text: string, fields: string): (NativeImage | null)[] {
  let first: NativeImage | null = null;
  return text.split("\n").map((line) => {
    if (line === "") return null;
    const image = readHeldImage(line, line.indexOf("\t", line.indexOf("\t") + 1) + 1, fields, first);
    first ??= image;
    return image;
  });
}
