export { keyMatcher } from "./key-matcher.ts";
export type { Matcher, MatchProposal, MatchSeeker } from "./matcher.ts";
