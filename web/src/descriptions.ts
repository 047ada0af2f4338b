// The descriptions that fit a frame best: what they say, how clearly they win, whom they are about.

import { h, svg } from "./dom";
import type { Hierarchy } from "./knowledge";
import type { Explanation } from "./types";
import { decimal, objectName, plain, signed } from "./words";

const LEAST_SCALE = 0.2; // of the margin bars, so that noise does not look like certainty

export class DescriptionList {
  private chosenId: string | null = null;
  private shown: readonly Explanation[] = [];

  /** `told` hears which description is chosen, by the reader or because the frame changed. */
  constructor(
    private readonly root: HTMLElement,
    private readonly hierarchy: () => Hierarchy | null,
    private readonly told: (chosen: Explanation | null) => void,
  ) {}

  set(explanations: readonly Explanation[]): void {
    const hadFocus = this.root.contains(document.activeElement);
    this.shown = explanations;
    const chosen = this.chosen();
    const scale = Math.max(LEAST_SCALE, ...explanations.map((item) => Math.abs(item.margin)));
    this.root.replaceChildren(
      ...explanations.map((item) => this.entry(item, item === chosen, scale)),
    );
    if (hadFocus) this.root.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus();
    this.told(chosen);
  }

  private chosen(): Explanation | null {
    const { shown, chosenId } = this;
    return shown.find((item) => item.description_id === chosenId) ?? shown[0] ?? null;
  }

  private entry(item: Explanation, chosen: boolean, scale: number): HTMLLIElement {
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
    const kind = item.polarity === "anomaly" ? `severity ${item.severity} of 5` : "normal";
    return h(
      "li",
      { class: `description ${item.polarity}` },
      button,
      h("p", { class: "short" }, `${kind} · margin ${signed(item.margin)}`),
      h(
        "div",
        { class: "long" },
        h("p", { class: "path" }, ...withArrows(item.path)),
        participants(item),
        this.margin(item, scale),
        cues(item.cues),
      ),
    );
  }

  private margin(item: Explanation, scale: number): HTMLElement {
    const rival = item.counterpart === null ? null : this.hierarchy()?.sentence(item.counterpart);
    const kind = item.polarity === "anomaly" ? "normal counterpart" : "closest anomaly";
    const head = h(
      "p",
      { class: "margin-head" },
      `Margin against the ${kind} `,
      h("strong", {}, signed(item.margin)),
    );
    const share = Math.min(1, Math.abs(item.margin) / scale);
    const bar = svg(
      "svg",
      { class: "margin-bar", viewBox: "-1 0 2 1", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "ground", x: -1, y: 0, width: 2, height: 1 }),
      svg("rect", {
        class: item.margin < 0 ? "against" : "for",
        x: item.margin < 0 ? -share : 0,
        y: 0,
        width: share,
        height: 1,
      }),
      svg("rect", { class: "zero", x: -0.006, y: 0, width: 0.012, height: 1 }),
    );
    const facts = [`similarity ${decimal(item.similarity, 3)}`];
    if (item.polarity === "anomaly") facts.push(`severity ${item.severity} of 5`);
    return h(
      "div",
      { class: "margin" },
      head,
      bar,
      rival ? h("p", { class: "rival" }, `“${rival}”`) : null,
      h("p", { class: "facts" }, facts.join(" · ")),
    );
  }
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
  const entries = Object.entries(values).sort((a, b) => b[1] - a[1]);
  if (!entries.length) return null;
  return h(
    "dl",
    { class: "cues" },
    ...entries.map(([name, value]) =>
      h("div", {}, h("dt", {}, plain(name)), h("dd", {}, decimal(value))),
    ),
  );
}
