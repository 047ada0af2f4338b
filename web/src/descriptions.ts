// The descriptions that fit a frame best: what they say, how clearly they win, whom they are about.

import { h, svg } from "./dom";
import type { Hierarchy } from "./knowledge";
import type { Explanation } from "./types";
import { cueName, decimal, objectName, percent, signed } from "./words";

const LEAST_SCALE = 0.2; // of the bars of similarity, so that noise does not look like certainty
const FEW_CUES = 4; // the strongest; the rest would say the same more weakly
const LEAST_CUE = 0.05;

export class DescriptionList {
  private chosenId: string | null = null;
  private shown: readonly Explanation[] = [];

  /** `told` hears which description is chosen, by the reader or because the frame changed. */
  constructor(
    private readonly root: HTMLElement,
    private readonly hierarchy: () => Hierarchy | null,
    private readonly told: (chosen: Explanation | null) => void,
  ) {}

  /** `anomalous`: whether the frame counts for an alarm; of another one no anomaly is a finding. */
  set(explanations: readonly Explanation[], anomalous: boolean): void {
    const hadFocus = this.root.contains(document.activeElement);
    this.shown = explanations;
    const chosen = this.chosen();
    const calm = !anomalous || explanations[0]?.polarity === "normal";
    this.root.classList.toggle("calm", calm);
    const scale = Math.max(LEAST_SCALE, ...explanations.flatMap((item) => [item.similarity, rivalOf(item)]));
    this.root.replaceChildren(
      ...explanations.map((item) => this.entry(item, item === chosen, scale, calm)),
    );
    if (hadFocus) this.root.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus();
    this.told(chosen);
  }

  private chosen(): Explanation | null {
    const { shown, chosenId } = this;
    return shown.find((item) => item.description_id === chosenId) ?? shown[0] ?? null;
  }

  private entry(item: Explanation, chosen: boolean, scale: number, calm: boolean): HTMLLIElement {
    const choose = (): void => {
      this.chosenId = item.description_id;
      this.root.querySelectorAll("button").forEach((other) => {
        other.setAttribute("aria-pressed", String(other === button));
      });
      this.told(item);
    };
    const button = h(
      "button",
      { type: "button", class: "sentence", "aria-pressed": String(chosen), onclick: choose },
      item.text,
    );
    const anomaly = item.polarity === "anomaly";
    const name = calm ? "Anomaly that comes close" : "Anomaly";
    const kind = anomaly ? `${name}, severity ${item.severity} of 5` : "Normal traffic";
    return h(
      "li",
      { class: `description ${item.polarity}` },
      h("p", { class: "kind" }, kind, h("span", { class: "short" }, `margin ${signed(item.margin)}`)),
      button,
      h(
        "div",
        { class: "long" },
        h("p", { class: "path" }, ...withArrows(item.path)),
        participants(item),
        this.comparison(item, scale),
        cues(item.cues),
      ),
    );
  }

  private comparison(item: Explanation, scale: number): HTMLElement {
    const rival = item.counterpart === null ? null : this.hierarchy()?.sentence(item.counterpart);
    const name = item.polarity === "anomaly" ? "Similarity of its normal counterpart" : "Similarity of the closest anomaly";
    const rows = [similarity("Similarity of this description", item.similarity, scale, "own")];
    if (item.counterpart !== null) {
      rows.push(similarity(name, rivalOf(item), scale, "rival"));
      if (rival) rows.push(h("p", { class: "rival" }, `“${rival}”`));
      rows.push(h("p", { class: "margin-head" }, h("span", {}, "Margin"), h("strong", {}, signed(item.margin))));
    }
    return h("div", { class: "comparison" }, ...rows);
  }
}

/** Similarity of the counterpart on the same pair; its own where there is none. */
function rivalOf(item: Explanation): number {
  return item.similarity - item.margin;
}

function similarity(name: string, value: number, scale: number, kind: string): HTMLElement {
  return h(
    "div",
    { class: "similarity" },
    h("span", {}, name),
    h("span", { class: "number" }, decimal(value, 3)),
    bar(Math.max(0, value) / scale, kind),
  );
}

function bar(share: number, kind: string): SVGSVGElement {
  return svg(
    "svg",
    { class: `bar ${kind}`, viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "ground", width: 1, height: 1 }),
    svg("rect", { class: "part", width: Math.min(1, share), height: 1 }),
  );
}

function withArrows(path: readonly string[]): (HTMLElement | string)[] {
  return path.flatMap((title, place) =>
    place === 0 ? [title] : [h("span", { class: "arrow", "aria-hidden": "true" }, " › "), title],
  );
}

function participants(item: Explanation): HTMLElement | null {
  const sides = [item.subject, item.object];
  const parts = sides.flatMap((roi, side) =>
    roi ? [h("span", { class: `who ${side === 0 ? "subject" : "object"}` }, `${side + 1} ${objectName(roi)}`)] : [],
  );
  return parts.length ? h("p", { class: "participants" }, ...parts) : null;
}

function cues(values: Record<string, number>): HTMLElement | null {
  const strongest = Object.entries(values)
    .filter(([, value]) => value >= LEAST_CUE)
    .sort((a, b) => b[1] - a[1])
    .slice(0, FEW_CUES);
  if (!strongest.length) return null;
  return h(
    "div",
    { class: "cues" },
    h("p", { class: "cues-head" }, "Motion"),
    h(
      "dl",
      {},
      ...strongest.map(([name, value]) =>
        h("div", {}, h("dt", {}, cueName(name)), h("dd", {}, percent(value), bar(value, "cue"))),
      ),
    ),
  );
}
