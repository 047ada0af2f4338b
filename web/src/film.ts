// The film of a finished job, and what was found in the frame it shows.

import { readJson, Refusal, signed } from "./api";
import type { Overlay } from "./overlay";
import type { Timeline } from "./timeline";
import type { Explanation, FrameRow, FrameScore, Report } from "./types";

const PLAYING_EVERY_MS = 300; // reading each frame's details while it plays would be a flood
const INTO_FRAME_S = 0.01; // a player sent to the very start of a frame may show the one before
const KEEP_DETAILS = 400;

export class Film {
  private readonly details = new Map<number, Promise<FrameScore | null>>();
  private timeline: Timeline | null = null;
  private place = -1;
  private askedAt = 0;
  private frame: FrameScore | null = null;
  private chosen: Explanation | null = null;
  private gone = false;

  /** `moved` hears the frame at once; `told` as well, with what was found in it, once that is known. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly overlay: Overlay,
    private readonly jobUrl: string,
    private readonly report: Report,
    private readonly moved: (row: FrameRow) => void,
    private readonly told: (row: FrameRow, found: FrameScore | null) => void,
  ) {
    video.onplay = () => {
      this.draw();
      this.loop();
    };
    // Only a film that played says where it is; a still one is where it was sent, even while it
    // is loaded or looks for the place.
    video.onpause = () => {
      if (!video.seeking) this.look(true);
    };
  }

  /** Load the film. False when the job made none. */
  async load(): Promise<boolean> {
    const there = await fetch(await signed(`${this.jobUrl}/video.mp4`), {
      headers: { Range: "bytes=0-0" },
    }).catch(() => null);
    if (!there?.ok || this.gone) return false;
    this.video.src = await signed(`${this.jobUrl}/video.mp4`);
    return true;
  }

  follow(timeline: Timeline): void {
    this.timeline = timeline;
  }

  /** Show a frame and stay there. */
  jump(row: FrameRow): void {
    this.video.pause();
    if (this.video.src) this.video.currentTime = row.time_s + INTO_FRAME_S;
    this.moveTo(this.report.frames.indexOf(row), true);
  }

  /** Go by so many frames and stay there. */
  step(by: number): void {
    const row = this.report.frames[Math.max(0, this.place + by)];
    if (row) this.jump(row);
  }

  choose(explanation: Explanation | null): void {
    this.chosen = explanation;
    this.draw();
  }

  /** Another report takes the place: stop all that is under way. */
  close(): void {
    this.gone = true;
    this.video.pause();
    this.video.onplay = this.video.onpause = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  private loop(): void {
    if (this.gone || this.video.paused) return;
    this.look(false);
    requestAnimationFrame(() => this.loop());
  }

  private look(still: boolean): void {
    if (!this.timeline || this.gone) return;
    this.moveTo(this.timeline.frameAt(this.video.currentTime), still);
  }

  private moveTo(place: number, still: boolean): void {
    const row = this.report.frames[place];
    if (!row) return;
    const moved = place !== this.place;
    this.place = place;
    if (moved) {
      this.timeline?.set(place);
      this.moved(row);
    }
    const due = performance.now() - this.askedAt > PLAYING_EVERY_MS;
    if (still ? moved || this.frame === null : moved && due) void this.ask(row);
    this.draw();
  }

  private async ask(row: FrameRow): Promise<void> {
    this.askedAt = performance.now();
    const found = await this.detail(row.index);
    const now = this.report.frames[this.place];
    // While it plays a slow answer is still the newest there is; a still frame wants its own.
    if (this.gone || !now || (this.video.paused && now !== row)) return;
    this.frame = found;
    this.told(row, found);
    this.draw();
  }

  private detail(index: number): Promise<FrameScore | null> {
    const known = this.details.get(index);
    if (known) return known;
    if (this.details.size > KEEP_DETAILS) this.details.clear();
    const asked = readJson<FrameScore>(`${this.jobUrl}/frames/${index}`).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      // A frame without details is no failure of the page; a busy server may answer next time.
      if (error.problem.status !== 404 && error.problem.status !== 409) this.details.delete(index);
      return null;
    });
    this.details.set(index, asked);
    return asked;
  }

  private draw(): void {
    const still = this.video.paused;
    const same = this.frame?.name === String(this.report.frames[this.place]?.index);
    this.overlay.set(still && !same ? null : this.frame, this.chosen, still);
  }
}
