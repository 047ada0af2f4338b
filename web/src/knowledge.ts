// The hierarchy in service: read once, looked up by the ids that explanations carry.

import { readJson, request } from "./api";
import type { Explanation, Knowledge, TreeNode } from "./types";

/** One entry of the tree, flattened, in the order of the file. */
export interface Leaf {
  node: TreeNode;
  polarity: "anomaly" | "normal";
}

export class Hierarchy {
  readonly leaves = new Map<string, Leaf>();

  constructor(readonly tree: readonly TreeNode[]) {
    const walk = (node: TreeNode, polarity: Leaf["polarity"]): void => {
      const own = node.polarity ?? polarity;
      if (node.d) this.leaves.set(node.id, { node, polarity: own });
      node.children?.forEach((child) => walk(child, own));
    };
    tree.forEach((node) => walk(node, "anomaly"));
  }

  /** The sentence of a description; from the words of its id when it is no longer in the tree. */
  sentence(id: string): string {
    const words = slugOf(id);
    const known = this.leaves.get(leafOf(id))?.node.d ?? [];
    const found = known.find((item) => item.id === id || slug(item.t) === words);
    return found?.t ?? words.replaceAll("-", " ");
  }

  titleOf(leafId: string): string {
    return this.leaves.get(leafId)?.node.title ?? leafId;
  }
}

export async function readHierarchy(): Promise<Hierarchy> {
  return new Hierarchy((await readJson<Knowledge>("/knowledge")).tree);
}

/** The same as text to edit, with the tag that says which version it is. */
export async function readYaml(): Promise<{ text: string; tag: string | null }> {
  const response = await request("/knowledge", { headers: { Accept: "application/yaml" } });
  return { text: await response.text(), tag: response.headers.get("etag") };
}

/** Put a hierarchy in service; the tag refuses it when somebody else was faster. */
export async function writeYaml(text: string, tag: string | null): Promise<{ leaves: number; descriptions: number }> {
  const headers: Record<string, string> = { "Content-Type": "application/yaml" };
  if (tag !== null) headers["If-Match"] = tag;
  return readJson("/knowledge", { method: "PUT", body: text, headers });
}

/** How often each scenario explained something best. */
export function countHits(lists: readonly (readonly Explanation[])[]): Map<string, number> {
  const hits = new Map<string, number>();
  for (const [best] of lists) {
    if (best) hits.set(leafOf(best.description_id), (hits.get(leafOf(best.description_id)) ?? 0) + 1);
  }
  return hits;
}

/** "a.vv.ah.rear_end/car-crashes" -> "a.vv.ah.rear_end". */
export function leafOf(id: string): string {
  return id.split("/", 1)[0] ?? id;
}

function slugOf(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}

/** As the server makes it from plain English; others are found by their explicit id only. */
function slug(text: string): string {
  const bare = text.trim().toLowerCase().replace(/^(a|an|the)\s+/, "");
  return bare.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}
