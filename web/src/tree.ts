// The hierarchy of descriptions as a tree, with how often each scenario explained the result.

import { byId, h, show } from "./dom";
import type { Hierarchy } from "./knowledge";
import type { TreeNode } from "./types";
import { count, cueName } from "./words";

export class HierarchyTree {
  private readonly root = byId("tree", HTMLElement);
  private readonly summary = byId("tree-summary", HTMLElement);
  private readonly search = byId("tree-search", HTMLInputElement);
  private readonly nothing = byId("tree-nothing", HTMLElement);
  private readonly parts = [byId("tree-find", HTMLElement), byId("editor-open", HTMLElement)];
  private hierarchy: Hierarchy | null = null;
  private hits: ReadonlyMap<string, number> | null = null;

  /** `edit` hears the scenario that the reader wants to change. */
  constructor(private readonly edit: (leafId: string) => void) {
    this.search.oninput = () => this.draw();
  }

  setHierarchy(hierarchy: Hierarchy): void {
    this.hierarchy = hierarchy;
    this.draw();
  }

  /** Say why there is none. */
  setTrouble(text: string): void {
    if (this.hierarchy) return; // an old tree beats none
    this.summary.textContent = text;
  }

  /** Null when no result is shown. */
  setHits(hits: ReadonlyMap<string, number> | null): void {
    this.hits = hits;
    this.draw();
  }

  private draw(): void {
    const { hierarchy } = this;
    if (!hierarchy) return;
    const wanted = this.search.value.trim().toLowerCase();
    const open = wanted ? null : this.openIds();
    const entries = hierarchy.tree.map((node) => this.entry(node, wanted, open, 0));
    this.root.replaceChildren(...entries.filter((entry) => entry !== null));
    show(this.nothing, this.root.childElementCount === 0);
    const leaves = [...hierarchy.leaves.values()];
    const texts = leaves.reduce((sum, leaf) => sum + (leaf.node.d?.length ?? 0), 0);
    this.summary.textContent = `${count(texts, "description")} of ${count(leaves.length, "scenario")} are in service.${
      this.hits?.size ? " A hit: this scenario explains a segment or a picture best." : ""
    }`;
    for (const part of this.parts) show(part, true);
  }

  private openIds(): Set<string> | null {
    if (!this.root.childElementCount) return null;
    const open = this.root.querySelectorAll<HTMLDetailsElement>("details[open]");
    return new Set([...open].map((details) => details.dataset["id"] ?? ""));
  }

  private entry(node: TreeNode, wanted: string, open: Set<string> | null, depth: number): HTMLLIElement | null {
    const matches = !wanted || node.title.toLowerCase().includes(wanted);
    const below = matches ? "" : wanted; // all that stands under a heading that matches
    const children = (node.children ?? []).map((child) => this.entry(child, below, open, depth + 1));
    const kept = children.filter((child) => child !== null);
    const texts = (node.d ?? []).filter((item) => !below || item.t.toLowerCase().includes(below));
    if (!matches && !kept.length && !texts.length) return null;
    const hits = this.hitsOf(node);
    const isOpen = wanted ? depth < 2 || !matches : open ? open.has(node.id) : depth === 0 && node.polarity === "anomaly";
    // While it is searched, less stands below a heading than its number would say.
    const summary = h(
      "summary",
      {},
      h("span", { class: "node-title" }, node.title),
      hits ? h("span", { class: "hits" }, count(hits, "hit")) : null,
      node.d || wanted ? null : h("span", { class: "soft" }, count(leavesOf(node).length, "scenario")),
    );
    const body = node.d ? this.leafBody(node, texts.map((item) => item.t)) : [h("ul", {}, ...kept)];
    return h("li", {}, h("details", { open: isOpen, "data-id": node.id }, summary, ...body));
  }

  private leafBody(node: TreeNode, texts: readonly string[]): HTMLElement[] {
    const rival = node.counterpart && this.hierarchy?.titleOf(node.counterpart);
    const facts = [
      this.hierarchy?.leaves.get(node.id)?.polarity === "anomaly" ? `severity ${node.severity ?? 0} of 5` : "normal traffic",
      rival ? `compared with “${rival}”` : "",
      node.cues?.length ? `motion: ${node.cues.map(cueName).join(", ")}` : "",
    ].filter(Boolean);
    return [
      h("ul", { class: "texts" }, ...texts.map((text) => h("li", {}, text))),
      h(
        "p",
        { class: "leaf-facts" },
        h("span", { class: "soft" }, facts.join(" · ")),
        h(
          "button",
          { type: "button", class: "quiet small", "aria-label": `Edit ${node.title}`, onclick: () => this.edit(node.id) },
          "Edit",
        ),
      ),
    ];
  }

  private hitsOf(node: TreeNode): number {
    return leavesOf(node).reduce((sum, leaf) => sum + (this.hits?.get(leaf.id) ?? 0), 0);
  }
}

function leavesOf(node: TreeNode): TreeNode[] {
  return node.d ? [node] : (node.children ?? []).flatMap(leavesOf);
}
