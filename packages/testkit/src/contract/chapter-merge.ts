import { expect } from "vitest";
import type { Rule } from "./rule.ts";

/** Records that a system makes one of two. */
export function mergeRules(rule: Rule): void {
  rule("[S41] a record that is gone because it was merged reads so, and one that was deleted does not", ["merge"], async (stage) => {
    const object = await stage.installed();
    const [loser, winner, deleted] = [
      await stage.customer({ name: "Ann" }),
      await stage.customer({ name: "Anne" }),
      await stage.customer(),
    ];
    await stage.user.merge?.("customers", [loser], [winner]);
    await stage.user.delete("customers", [deleted]);
    expect(object.capabilities.merges).toBe(true);
    const { images, merged } = await object.read([loser, winner, deleted], stage.options);
    expect(images.map((image) => image === null)).toEqual([true, false, true]);
    expect(merged).toEqual([winner, null, null]);
  });

  rule("[S41] the feed tells of a merge as one, never as a delete", ["feed", "merge"], async (stage) => {
    const object = await stage.installed();
    const [loser, winner] = [await stage.customer({ name: "Ann" }), await stage.customer({ name: "Anne" })];
    const feed = await stage.watch(object);
    await stage.user.merge?.("customers", [loser], [winner]);
    const changes = (await stage.drain(feed)).filter(({ record }) => record === loser).map(({ change }) => change);
    expect(changes).toEqual([expect.objectContaining({ kind: "merged", into: winner })]);
  });
}
