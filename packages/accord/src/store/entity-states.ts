import type { StoredEntity } from "@accord/engine/store";
import type { Side } from "./catalogue.ts";
import { isWithRecord, MEMBER_STATES } from "./entity-members.ts";
import type { Tally } from "./tally.ts";

/** One character for the life of an entity, then one per side: the number of its member's state, or `-` where no record is held. */
export function writeStates(entity: StoredEntity, sides: readonly Side[]): string {
  let text = entity.life.kind === "live" ? LIVING : GONE;
  for (const { place } of sides) {
    const member = entity.members[place];
    text += member === null || member === undefined || member.record === null ? "-" : MEMBER_STATES.indexOf(member.state);
  }
  return text;
}

/** The states of an entity that lives and has a live member at some of the sides. */
export function liveAt(sides: readonly Placed[], present: readonly Placed[]): string {
  return LIVING + sides.map(({ place }) => (present.some((one) => one.place === place) ? String(LIVE) : "-")).join("");
}

type Placed = Pick<Side, "place">;

/** Whether an entity lives and has no record at a side, and at the others none but live ones. */
export function livesWithout(states: string, sides: readonly Side[], place: number): boolean {
  return (
    states.startsWith(LIVING) &&
    sides.every((side) => {
      const state = stateAt(states, side.place);
      return state === "-" || (state === String(LIVE) && side.place !== place);
    })
  );
}

/** The number of the state of a live member. */
export const LIVE = MEMBER_STATES.indexOf("live");
const LIVING = "L";
const GONE = "D";

/** The character of one side. */
export function stateAt(states: string, place: number): string {
  return states[place + 1] ?? "-";
}

/** With the state of one side, by its number. */
export function withState(states: string, place: number, state: number): string {
  return `${states.slice(0, place + 1)}${state}${states.slice(place + 2)}`;
}

/** Counts what a change of states adds and takes away. `before` null: the entity is new. */
export function countStates(tally: Tally, sync: number, sides: readonly Side[], before: string | null, after: string): void {
  if (before === after) return;
  tally.add("entity", sync, lives(after) - lives(before));
  for (const { number, place } of sides) tally.add("member", number, exists(after, place) - exists(before, place));
}

function lives(states: string | null): number {
  return states !== null && states.startsWith(LIVING) ? 1 : 0;
}

function exists(states: string | null, place: number): number {
  return states !== null && isWithRecord(stateAt(states, place)) ? 1 : 0;
}
