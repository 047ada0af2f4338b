// The buttons under the film: play, frame by frame, speed, full screen, and the time.

import { byId, show } from "./dom";
import { time } from "./words";

export class Player {
  private readonly root = byId("player", HTMLElement);
  private readonly play = byId("play", HTMLButtonElement);
  private readonly clock = byId("clock", HTMLElement);
  private readonly speed = byId("speed", HTMLSelectElement);
  private readonly full = byId("full", HTMLButtonElement);
  private readonly filmOnly = [this.play, this.speed, this.full];
  private step: (by: number) => void = () => undefined;
  private duration = 0;

  /** `screen` is what fills the display: the film and what is drawn over it. */
  constructor(
    private readonly video: HTMLVideoElement,
    screen: HTMLElement,
  ) {
    this.play.onclick = video.onclick = () => void this.toggle();
    byId("timeline", HTMLElement).addEventListener("keydown", (event) => {
      if (event.key !== " " || this.play.hidden) return;
      event.preventDefault(); // the page would scroll
      void this.toggle();
    });
    byId("step-back", HTMLButtonElement).onclick = () => this.step(-1);
    byId("step-on", HTMLButtonElement).onclick = () => this.step(1);
    this.speed.onchange = () => {
      video.playbackRate = Number(this.speed.value);
    };
    this.full.onclick = () => {
      void (document.fullscreenElement ? document.exitFullscreen() : screen.requestFullscreen());
    };
    for (const event of ["play", "pause", "ended"]) video.addEventListener(event, () => this.name());
    this.name();
  }

  /** A clip is shown: how long it is, and how to go by so many frames. */
  begin(duration: number, step: (by: number) => void): void {
    this.duration = duration;
    this.step = step;
    show(this.root, true);
  }

  /** Whether there is a film to play; without one its frames can be stepped through all the same. */
  hasFilm(there: boolean): void {
    for (const element of this.filmOnly) show(element, there);
    if (!document.fullscreenEnabled) show(this.full, false);
    this.video.playbackRate = Number(this.speed.value);
  }

  tell(seconds: number): void {
    this.clock.textContent = `${time(seconds)} of ${time(this.duration)}`;
  }

  hide(): void {
    show(this.root, false);
  }

  private async toggle(): Promise<void> {
    if (!this.video.paused) this.video.pause();
    else await this.video.play().catch(() => undefined); // it was left in the meantime
  }

  private name(): void {
    this.play.textContent = this.video.paused ? "Play" : "Pause";
  }
}
