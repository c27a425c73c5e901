import type { EntityId } from "@accord/core";
import type { SyncId } from "@accord/engine/store";
import type { Cell, Session } from "./session.ts";
import { LEVEL_WIDTH, levelGroups, type StagedEntity } from "./staged-entities.ts";
import { CHUNK, StagedGroups } from "./staged-groups.ts";
import { readContact, stagedSides, type ContactRow, type StagedSide } from "./staged.ts";
import type { StagingThread } from "./staging-thread.ts";

/** The level groups of a chunk of the first side. */
export interface LevelChunk {
  /** Which first contact they are of: no other has this first entity. */
  readonly firstEntity: EntityId;
  readonly chunk: number;
  readonly groups: readonly Omit<StagedEntity, "id">[];
}

/** Finds level groups chunk by chunk, the next chunk's on the thread while entities are made of the last one's: the two take much the same time. */
export class LevelAhead {
  private readonly session: Session;
  private readonly thread: StagingThread;
  private held: { readonly firstEntity: EntityId; readonly chunk: number; readonly cells: Promise<readonly Cell[]> } | null = null;

  constructor(session: Session, thread: StagingThread) {
    this.session = session;
    this.thread = thread;
  }

  /** The level groups of the next chunk, or null behind the last one. */
  async next(sync: SyncId): Promise<LevelChunk | null> {
    const contact = readContact(this.session, sync);
    const sides = stagedSides(this.session, sync);
    const count = sides[0]?.count ?? 0;
    if (contact === null || contact.levelChunks * CHUNK >= count) return null;
    const { firstEntity, levelChunks: chunk } = contact;
    // What is read depends on what was staged and who meets whom, and neither changes while this first contact lasts.
    const cells = await this.take(contact, sides, chunk);
    const following = chunk + 1;
    if (following * CHUNK < count && following % PAUSE_EVERY !== 0)
      this.held = { firstEntity, chunk: following, cells: this.read(sides, following) };
    return { firstEntity, chunk, groups: groupsOf(cells) };
  }

  private async take({ firstEntity }: ContactRow, sides: readonly StagedSide[], chunk: number): Promise<readonly Cell[]> {
    const { held } = this;
    this.held = null;
    const cells = (await held?.cells) ?? [];
    return held?.firstEntity === firstEntity && held.chunk === chunk ? cells : this.read(sides, chunk);
  }

  private read(sides: readonly StagedSide[], chunk: number): Promise<readonly Cell[]> {
    const positions = candidates(this.session, sides, chunk);
    const cells = this.thread.read(levelGroups(sides, positions));
    // What becomes of it is heard where it is awaited.
    cells.catch(() => {});
    return cells;
  }
}

/** Chunks after which one is read with nobody writing meanwhile: SQLite begins its log anew only when nobody reads from it. */
const PAUSE_EVERY = 16;

function groupsOf(cells: readonly Cell[]): LevelChunk["groups"] {
  return Array.from({ length: cells.length / LEVEL_WIDTH }, (_, index) => {
    const at = index * LEVEL_WIDTH;
    return { place: Number(cells[at]), records: cells[at + 1] ?? "", members: cells[at + 2] ?? "" };
  });
}

/** By side: the positions of the records of a chunk's groups that have one at every side. */
function candidates(session: Session, sides: readonly StagedSide[], chunk: number): readonly (readonly number[])[] {
  const positions = sides.map((): number[] => []);
  const [first, ...others] = sides;
  if (first === undefined) return positions;
  const words = new StagedGroups(session, sides).read(first, chunk);
  for (let index = 0; index < CHUNK; index += 1) {
    if (words[index] !== 0 || others.some(({ place }) => words[place * CHUNK + index] === 0)) continue;
    for (const { place } of sides) positions[place]?.push(place === 0 ? chunk * CHUNK + index + 1 : (words[place * CHUNK + index] ?? 0));
  }
  return positions;
}
