import xxhash from "xxhash-wasm";

/** 64-bit hashes of match keys, as SQLite's signed integers. Equal keys have equal hashes; the reverse is checked where it matters. */
export interface MatchHash {
  /** Of an entity's key by one rule. */
  entityKey(sync: number, rule: number, key: string): bigint;
  /** Of a waiting record's key by one rule. */
  stagedKey(side: number, rule: number, key: string): bigint;
}

export async function createMatchHash(): Promise<MatchHash> {
  const hasher = await xxhash();
  return {
    entityKey: (sync, rule, key) => BigInt.asIntN(64, hasher.h64(`${sync} ${rule} ${key}`)),
    stagedKey: (side, rule, key) => BigInt.asIntN(64, hasher.h64(`${side} ${rule} ${key}`, 1n)),
  };
}
