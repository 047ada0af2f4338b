// The score over time: a curve, shaded segments, the alarm's threshold, and a place in it that
// mouse and keyboard move.

import uPlot from "uplot";

import { h } from "./dom";
import type { FrameRow, Report, Segment } from "./types";
import { percent, time } from "./words";

const HEIGHT_PX = 150;
const NAME_SHARE = 0.25; // of the width, for the name of the threshold

export class Timeline {
  private readonly plot: uPlot;
  private readonly mark = h("div", { class: "playhead" });
  private readonly times: number[];
  private place = 0;

  /** `jump` hears the frame that the reader asks for. */
  constructor(
    private readonly root: HTMLElement,
    private readonly report: Report,
    private readonly jump: (row: FrameRow) => void,
  ) {
    this.times = report.frames.map((row) => row.time_s);
    root.replaceChildren();
    this.plot = new uPlot(this.options(), this.data(), root);
    this.plot.over.append(this.mark);
    this.plot.over.addEventListener("click", (event) => this.onClick(event));
    root.onkeydown = (event) => this.onKey(event);
    const sizes = new ResizeObserver(() => {
      if (root.isConnected && root.clientWidth > 0) {
        this.plot.setSize({ width: root.clientWidth, height: HEIGHT_PX });
        this.moveMark();
      }
    });
    sizes.observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw());
    root.setAttribute("aria-valuemin", "0");
    root.setAttribute("aria-valuemax", String(Math.max(0, this.times.length - 1)));
    this.set(0);
  }

  /** The frame shown at a time: the last one not later than it. */
  frameAt(seconds: number): number {
    let low = 0;
    let high = this.times.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      // Players stop a hair before the time they were sent to.
      if ((this.times[middle] ?? 0) <= seconds + 0.005) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Move the mark to a frame. */
  set(place: number): void {
    this.place = place;
    const row = this.report.frames[place];
    if (!row) return;
    const state = this.segmentAt(row.time_s) ? ", within a segment" : "";
    this.root.setAttribute("aria-valuenow", String(place));
    this.root.setAttribute(
      "aria-valuetext",
      `${time(row.time_s)}, probability of an anomaly ${percent(row.probability)}${state}`,
    );
    this.moveMark();
  }

  private moveMark(): void {
    const row = this.report.frames[this.place];
    if (row) this.mark.style.transform = `translateX(${this.plot.valToPos(row.time_s, "x")}px)`;
  }

  private onClick(event: MouseEvent): void {
    const left = event.clientX - this.plot.over.getBoundingClientRect().left;
    this.go(this.frameAt(this.plot.posToVal(left, "x")));
    this.root.focus();
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.times.length - 1;
    const places: Readonly<Record<string, () => number | undefined>> = {
      ArrowLeft: () => this.place - 1,
      ArrowDown: () => this.place - 1,
      ArrowRight: () => this.place + 1,
      ArrowUp: () => this.place + 1,
      Home: () => 0,
      End: () => last,
      PageUp: () => this.peak(this.report.segments.findLast((s) => this.placeOf(s) < this.place)),
      PageDown: () => this.peak(this.report.segments.find((s) => this.placeOf(s) > this.place)),
    };
    const chosen = places[event.key];
    if (!chosen || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const place = chosen();
    if (place !== undefined) this.go(Math.max(0, Math.min(last, place)));
  }

  private peak(segment: Segment | undefined): number | undefined {
    return segment && this.placeOf(segment);
  }

  private placeOf(segment: Segment): number {
    return this.frameAt(segment.peak_s);
  }

  private go(place: number): void {
    const row = this.report.frames[place];
    if (row) this.jump(row);
  }

  private segmentAt(seconds: number): Segment | undefined {
    return this.report.segments.find((s) => s.start_s <= seconds && seconds <= s.end_s);
  }

  private data(): uPlot.AlignedData {
    return [this.times, this.report.frames.map((row) => row.probability)];
  }

  private options(): uPlot.Options {
    const end = Math.max(this.report.video.duration_s, this.times.at(-1) ?? 0, 0.1);
    const axis = {
      stroke: () => colour("--soft"),
      grid: { stroke: () => colour("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    return {
      width: this.root.clientWidth || 600,
      height: HEIGHT_PX,
      padding: [8, 24, 0, 0], // half of the last label stands right of the plot
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
      scales: { x: { time: false, range: [0, end] }, y: { range: [0, 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, values: (_, ticks) => ticks.map(tick) },
        { ...axis, size: 46, splits: [0, 0.5, 1], values: (_, ticks) => ticks.map(percent) },
      ],
      series: [
        {},
        {
          stroke: () => colour("--accent"),
          fill: () => colour("--accent-faint"),
          width: 2,
          points: { show: this.times.length < 3 },
        },
      ],
      hooks: {
        drawClear: [(plot) => this.shadeSegments(plot)],
        draw: [(plot) => this.drawThreshold(plot)],
      },
    };
  }

  private shadeSegments(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = colour("--alarm-band");
    for (const segment of this.report.segments) {
      const left = plot.valToPos(segment.start_s, "x", true);
      const right = plot.valToPos(segment.end_s, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(right - left, 2 * devicePixelRatio), bbox.height);
    }
    ctx.restore();
  }

  private drawThreshold(plot: uPlot): void {
    const { threshold } = this.report.model;
    if (threshold === undefined || threshold === null) return;
    const { ctx, bbox } = plot;
    const y = plot.valToPos(threshold, "y", true);
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("--alarm");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    const left = this.highest(0, NAME_SHARE) < this.highest(1 - NAME_SHARE, 1); // where the curve leaves room
    const x = left ? bbox.left + 6 * devicePixelRatio : bbox.left + bbox.width - 4 * devicePixelRatio;
    ctx.textAlign = left ? "left" : "right";
    ctx.textBaseline = "bottom";
    const name = `alarm from ${percent(threshold)}`;
    ctx.setLineDash([]); // a rim, since on a phone the curve may cross the name on either side
    ctx.strokeStyle = colour("--card");
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeText(name, x, y - 2);
    ctx.fillText(name, x, y - 2);
    ctx.restore();
  }

  /** The highest probability between two shares of the frames. */
  private highest(from: number, to: number): number {
    const { frames } = this.report;
    const part = frames.slice(Math.floor(from * frames.length), Math.ceil(to * frames.length));
    return part.reduce((most, row) => Math.max(most, row.probability), 0);
  }
}

function tick(seconds: number): string {
  return seconds < 60 ? `${Number(seconds.toFixed(1))} s` : time(seconds).replace(/\.0(?=\s)/, "");
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
