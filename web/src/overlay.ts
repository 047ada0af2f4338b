// The pair that a description is about, drawn over film or picture in the picture's own pixels.

import { svg } from "./dom";
import type { Explanation, FrameScore, Roi } from "./types";
import { objectName } from "./words";

const FONT = 13; // pixels of the screen
const LEGIBLE = 11;
const LETTER = 0.62; // width of a letter, in heights of the font

export class Overlay {
  private frame: FrameScore | null = null;
  private chosen: Explanation | null = null;
  private dimmed = false;

  /** `bare`: nothing is drawn in the pixels; a film has its boxes, and its best pair named. */
  constructor(
    private readonly root: SVGSVGElement,
    private bare: boolean,
  ) {
    new ResizeObserver(() => this.draw()).observe(root);
  }

  /** Whether the pixels below have no drawings of their own. */
  setBare(bare: boolean): void {
    this.bare = bare;
    this.draw();
  }

  /** Show a frame's pair; `dimmed` darkens the rest, which only a still picture should. */
  set(frame: FrameScore | null, chosen: Explanation | null, dimmed: boolean): void {
    this.frame = frame;
    this.chosen = chosen;
    this.dimmed = dimmed;
    this.draw();
  }

  private draw(): void {
    const { frame, chosen } = this;
    if (frame === null) {
      this.root.replaceChildren();
      return;
    }
    this.root.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    const unit = frame.width / Math.max(this.root.clientWidth, 1); // one pixel of the screen
    const pair = [chosen?.subject, chosen?.object].filter((roi): roi is Roi => !!roi);
    const parts: SVGElement[] = [];
    const drawn = drawnFont(frame);
    const named = !this.bare && chosen === frame.explanations[0];
    if (this.dimmed && !named && pair.some((roi) => roi.roi_source !== "pseudo")) parts.push(shade(frame, pair));
    if (this.bare) parts.push(...this.others(frame, pair).map((roi) => box(roi, "other")));
    const labels = new Labels(frame, this.bare ? FONT * unit : Math.max(FONT * unit, drawn));
    pair.forEach((roi, side) => {
      parts.push(box(roi, "halo"), box(roi, side === 0 ? "subject" : "object"));
    });
    if (named && drawn >= LEGIBLE * unit) pair.length = 0; // the film names it well enough
    pair.forEach((roi, side) => {
      const text = `${side + 1} ${objectName(roi)}`;
      parts.push(...labels.place(roi, text, side === 0 ? "subject" : "object", true));
    });
    if (this.bare) {
      for (const roi of this.others(frame, pair)) {
        parts.push(...labels.place(roi, objectName(roi), "other", false));
      }
    }
    this.root.replaceChildren(...parts);
  }

  private others(frame: FrameScore, pair: readonly Roi[]): Roi[] {
    const taken = new Set(pair.map((roi) => roi.xyxy.join()));
    return frame.rois.filter((roi) => roi.roi_source !== "pseudo" && !taken.has(roi.xyxy.join()));
  }
}

/** Names beside boxes; one that finds no free place gives way, unless it belongs to the pair. */
class Labels {
  private readonly taken: [number, number, number, number][] = [];

  constructor(
    private readonly frame: FrameScore,
    private readonly font: number,
  ) {}

  place(roi: Roi, text: string, kind: string, always: boolean): SVGElement[] {
    const { font } = this;
    const width = (text.length * LETTER + 0.7) * font;
    const height = 1.5 * font;
    const [x1, y1, x2, y2] = roi.xyxy;
    const left = Math.max(0, Math.min(x1, this.frame.width - width));
    const rows = [y1 - height, y2, y1, y2 - height];
    const inside = rows.filter((top) => top >= 0 && top + height <= this.frame.height);
    const free = inside.find((top) => this.isFree(left, top, left + width, top + height));
    if (free === undefined && !always) return [];
    if (!always && width > 2 * (x2 - x1)) return [];
    const top = free ?? inside[0] ?? 0;
    this.taken.push([left, top, left + width, top + height]);
    return [
      svg("rect", { class: `tag ${kind}`, x: left, y: top, width, height, rx: 0.15 * font }),
      svg("text", { class: "tag", x: left + 0.35 * font, y: top + 1.08 * font, "font-size": font }, text),
    ];
  }

  private isFree(x1: number, y1: number, x2: number, y2: number): boolean {
    return this.taken.every((t) => x2 <= t[0] || x1 >= t[2] || y2 <= t[1] || y1 >= t[3]);
  }
}

/** Names in the film are about so large: one of ours lies over them without a rest showing. */
function drawnFont(frame: FrameScore): number {
  return 0.045 * Math.min(frame.width, frame.height);
}

function box(roi: Roi, kind: string): SVGRectElement {
  const [x1, y1, x2, y2] = roi.xyxy;
  const region = roi.roi_source === "pseudo" ? " region" : "";
  return svg("rect", { class: `box ${kind}${region}`, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
}

/** Everything but the pair. A mask, because boxes that overlap would undo each other in a path. */
function shade(frame: FrameScore, pair: readonly Roi[]): SVGGElement {
  const whole = { x: 0, y: 0, width: frame.width, height: frame.height };
  const holes = pair
    .filter((roi) => roi.roi_source !== "pseudo")
    .map(({ xyxy: [x1, y1, x2, y2] }) =>
      svg("rect", { fill: "black", x: x1, y: y1, width: x2 - x1, height: y2 - y1 }),
    );
  return svg(
    "g",
    {},
    svg("mask", { id: "pair-mask" }, svg("rect", { ...whole, fill: "white" }), ...holes),
    svg("rect", { ...whole, class: "shade", mask: "url(#pair-mask)" }),
  );
}
