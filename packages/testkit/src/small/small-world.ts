import {
  absorbRecord,
  acknowledgeLevel,
  createEntity,
  joinMember,
  NO_REFERENCES,
  owe,
  readImage,
  settleWrite,
  withMember,
  writeImage,
} from "@accord/core";
import type { Entity, MergeEvent, NativeCell, NativeImage, SideIndex, SyncModel } from "@accord/core";

/** A write of the small world. */
export interface SmallWrite {
  readonly side: SideIndex;
  readonly set: readonly { readonly column: number; readonly cell: NativeCell }[];
}

/** What a system makes of a cell it is given, beyond what its mapping foretells. */
export type SmallAlteration = (side: SideIndex, column: number, cell: NativeCell) => NativeCell;

/**
 * One entity, its records at real systems, and an engine without I/O: users edit, records are observed, owed writes are made under compare-and-set and settled.
 * Each step is a choice of the test; time is counted in steps of a second.
 */
export class SmallWorld {
  entity: Entity;
  /** What the systems hold, by side. */
  readonly records: NativeImage[];
  readonly events: MergeEvent[] = [];
  readonly writes: SmallWrite[] = [];
  nowMs = 1_000_000;
  readonly #model: SyncModel;
  readonly #alter: SmallAlteration;
  readonly #editedAtMs: number[];

  /** All sides begin with the same cells and are linked. */
  constructor(model: SyncModel, cells: readonly NativeCell[], alter: SmallAlteration = (_side, _column, cell) => cell) {
    this.#model = model;
    this.#alter = alter;
    this.#editedAtMs = model.sides.map(() => this.nowMs);
    this.records = model.sides.map(() => writeImage(cells));
    const at = (side: SideIndex): NativeImage => this.records[side] ?? "";
    this.entity = createEntity(model, 1, 0, "r0", this.#observation(at(0), this.nowMs), "initial", NO_REFERENCES).entity;
    for (let side = 1; side < model.sides.length; side += 1) {
      this.entity = joinMember(
        model,
        this.entity,
        side,
        `r${side}`,
        this.#observation(at(side), this.nowMs),
        "match",
        NO_REFERENCES,
      ).entity;
    }
  }

  cell(side: SideIndex, column: number): NativeCell {
    return readImage(this.records[side] ?? "")[column];
  }

  /** A user writes one cell at a system. */
  edit(side: SideIndex, column: number, cell: NativeCell): void {
    this.nowMs += 1000;
    this.#editedAtMs[side] = this.nowMs;
    const cells = readImage(this.records[side] ?? "");
    cells[column] = cell;
    this.records[side] = writeImage(cells);
  }

  /** The engine sees the record as it now is. */
  absorb(side: SideIndex): void {
    const editedAtMs = this.#editedAtMs[side] ?? this.nowMs;
    const absorbed = absorbRecord(this.#model, this.entity, side, this.#observation(this.records[side] ?? "", editedAtMs), NO_REFERENCES);
    this.entity = absorbed.entity;
    this.events.push(...absorbed.events);
  }

  /** The engine makes the write that the side is owed, if any; `meanwhile` is what users do between dispatch and the write: the returned
   * image shows it, or the compare-and-set refuses. False where nothing was owed. */
  push(side: SideIndex, meanwhile: () => void = () => {}): boolean {
    const level = acknowledgeLevel(this.#model, this.entity, side, NO_REFERENCES);
    if (level !== null) this.entity = withMember(this.entity, side, level);
    const owed = owe(this.#model, this.entity, side, NO_REFERENCES);
    if (owed.kind !== "update") return false;
    meanwhile();
    const cells = readImage(this.records[side] ?? "");
    if (owed.expect.some(({ column, cell }) => cells[column] !== cell)) {
      this.absorb(side);
      return true;
    }
    this.nowMs += 1000;
    for (const { column, cell } of owed.set) cells[column] = this.#alter(side, column, cell);
    this.records[side] = writeImage(cells);
    this.writes.push({ side, set: owed.set });
    const write = {
      kind: "update",
      record: owed.record,
      fields: owed.fields,
      set: owed.set,
      image: this.records[side] ?? null,
      position: null,
      atMs: this.nowMs,
    } as const;
    const settled = settleWrite(this.#model, this.entity, side, write, NO_REFERENCES);
    this.entity = settled.entity;
    this.events.push(...settled.events);
    return true;
  }

  /** Absorbs and writes until a whole round changes nothing. Throws after `roundsMax` rounds: a ping-pong. */
  settle(roundsMax = 20): void {
    for (let round = 0; round < roundsMax; round += 1) {
      const before = this.writes.length;
      let isOwed = false;
      for (let side = 0; side < this.#model.sides.length; side += 1) this.absorb(side);
      for (let side = 0; side < this.#model.sides.length; side += 1) isOwed = this.push(side) || isOwed;
      if (!isOwed && this.writes.length === before) return;
    }
    throw new Error(`writes go on after ${roundsMax} rounds`);
  }

  #observation(image: NativeImage, atMs: number): { image: NativeImage; position: null; fromMs: number; toMs: number } {
    return { image, position: null, fromMs: atMs, toMs: atMs };
  }
}
