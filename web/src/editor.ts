// The hierarchy as text to change. The server checks it; what it finds is shown at its lines.

import { mayAskAgain, Refusal } from "./api";
import { byId, h, show } from "./dom";
import { readYaml, writeYaml } from "./knowledge";
import { tellRefusal } from "./notice";
import type { BrokenRule } from "./types";
import { count, sentence } from "./words";

const LINE_PX = 20; // as in page.css
const PAD_PX = 8;

export class KnowledgeEditor {
  private readonly box = byId("editor", HTMLElement);
  private readonly text = byId("editor-text", HTMLTextAreaElement);
  private readonly marks = byId("editor-marks", HTMLElement);
  private readonly found = byId("editor-found", HTMLElement);
  private readonly state = byId("editor-state", HTMLElement);
  private readonly save = byId("editor-save", HTMLButtonElement);
  private readonly openButton = byId("editor-open", HTMLButtonElement);
  private tag: string | null = null;
  private broken: { line: number; rule: BrokenRule }[] = [];

  /** `changed` is called when a new hierarchy is in service. */
  constructor(private readonly changed: () => void) {
    this.openButton.onclick = () => void this.open(null);
    byId("editor-close", HTMLButtonElement).onclick = () => this.close();
    this.save.onclick = () => void this.put();
    this.text.onscroll = () => this.moveMarks();
    this.text.oninput = () => {
      this.state.textContent = "Not saved yet.";
    };
  }

  /** Open, at a scenario when one is named. */
  async open(leafId: string | null): Promise<void> {
    mayAskAgain();
    if (this.box.hidden) {
      try {
        const { text, tag } = await readYaml();
        this.text.value = text;
        this.tag = tag;
      } catch (error) {
        if (error instanceof Refusal) return tellRefusal(error, null);
        throw error;
      }
      this.setBroken([]);
      this.state.textContent = "";
    }
    show(this.box, true);
    this.openButton.setAttribute("aria-expanded", "true");
    this.text.focus();
    this.goTo(leafId === null ? 1 : lineOf(this.text.value, leafId));
    this.box.scrollIntoView({ block: "nearest" });
  }

  private close(): void {
    show(this.box, false);
    this.openButton.setAttribute("aria-expanded", "false");
    this.openButton.focus();
  }

  private async put(): Promise<void> {
    this.save.disabled = true;
    this.state.textContent = "Checking, and reading the sentences anew …";
    try {
      const accepted = await writeYaml(this.text.value, this.tag);
      const size = `${count(accepted.descriptions, "description")} of ${count(accepted.leaves, "scenario")}`;
      this.tag = (await readYaml()).tag;
      this.setBroken([]);
      this.state.textContent = `In service: ${size}. Jobs that run keep the version they began with.`;
      this.changed();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.onRefusal(error);
    } finally {
      this.save.disabled = false;
    }
  }

  private onRefusal(refusal: Refusal): void {
    const { problem } = refusal;
    if (problem.errors?.length) {
      this.setBroken(problem.errors);
      this.bringToView(this.broken[0]?.line ?? 1);
      this.state.textContent = `Nothing was changed: ${count(problem.errors.length, "rule")} broken.`;
      this.found.querySelector("button")?.focus();
      return;
    }
    this.state.textContent = "Nothing was changed.";
    tellRefusal(refusal, null);
  }

  private setBroken(rules: readonly BrokenRule[]): void {
    const text = this.text.value;
    this.broken = rules.map((rule) => ({ line: lineOf(text, rule.id, rule.detail), rule }));
    this.broken.sort((a, b) => a.line - b.line);
    this.found.replaceChildren(
      ...this.broken.map(({ line, rule }) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "violation", onclick: () => this.goTo(line) },
            h("span", { class: "line" }, `Line ${line}`),
            h("span", {}, sentence(rule.detail), " ", h("span", { class: "soft" }, rule.id)),
          ),
        ),
      ),
    );
    show(this.found, this.broken.length > 0);
    this.moveMarks();
  }

  /** Select a line and bring it to the middle. */
  private goTo(line: number): void {
    const lines = this.text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    this.text.focus();
    this.text.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    this.bringToView(line);
  }

  private bringToView(line: number): void {
    this.text.scrollTop = Math.max(0, (line - 1) * LINE_PX - this.text.clientHeight / 2);
    this.text.scrollLeft = 0;
    this.moveMarks();
  }

  /** Red bands behind the broken lines, moved as the text scrolls. */
  private moveMarks(): void {
    const bands = this.broken.map(({ line }) => {
      const band = h("div", { class: "mark" });
      band.style.transform = `translateY(${PAD_PX + (line - 1) * LINE_PX - this.text.scrollTop}px)`;
      return band;
    });
    this.marks.replaceChildren(...bands);
  }
}

/** The line that a broken rule is about: it names a line, a scenario, or a sentence of one. */
export function lineOf(text: string, id: string, detail = ""): number {
  const numbered = /^line (\d+)/.exec(id);
  if (numbered) return Number(numbered[1]);
  const lines = text.split("\n");
  const leaf = id.split("/", 1)[0] ?? id;
  const escaped = leaf.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const start = lines.findIndex((line) => new RegExp(`^[\\s{-]*id:\\s*["']?${escaped}["']?\\s*(,|$)`).test(line));
  if (start < 0) return 1;
  const quoted = [...detail.matchAll(/['`]([^'`]+)['`]/g)].map((match) => match[1] ?? "");
  const sentence = quoted.findLast((words) => words.includes(" ")) ?? "";
  const after = lines.slice(start);
  const end = after.findIndex((line, place) => place > 0 && /^[\s-]*id:\s/.test(line));
  const part = end < 0 ? after : after.slice(0, end);
  const bySentence = sentence ? part.findIndex((line) => line.includes(sentence)) : -1;
  const byField = part.findIndex((line) => quoted.some((word) => new RegExp(`^[\\s-]*${word.replace(/\W/g, "")}:`).test(line)));
  return start + 1 + Math.max(0, bySentence >= 0 ? bySentence : byField);
}
