// How a file gets in: dropped, chosen, or the sample; then its upload and its job, told as it goes.

import { follow, mayAskAgain, readJson, Refusal, request, upload } from "./api";
import { byId, show } from "./dom";
import type { FramesAnswer, Job, Report } from "./types";
import { capital, megabytes, percent } from "./words";

const SAMPLE = "/static/samples/accident.mp4";
const PICTURES = /\.(jpe?g|png|webp)$/i;

export interface Outcome {
  picture(file: File, answer: FramesAnswer): void;
  report(job: Job, report: Report): Promise<void>;
  /** A job was made or changed its state: lists want to know. */
  changed(): void;
  started(): void;
  failed(refusal: Refusal, again: (() => void) | null): void;
  cancelled(name: string): void;
}

export class Intake {
  private readonly form = byId("drop", HTMLFormElement);
  private readonly chooser = byId("file", HTMLInputElement);
  private readonly panel = byId("progress", HTMLElement);
  private readonly name = byId("progress-name", HTMLElement);
  private readonly stage = byId("progress-stage", HTMLElement);
  private readonly bar = byId("progress-bar", HTMLProgressElement);
  private readonly number = byId("progress-number", HTMLElement);
  private readonly stop = byId("cancel", HTMLButtonElement);
  private work: AbortController | null = null;

  constructor(private readonly outcome: Outcome) {
    this.chooser.onchange = () => {
      const file = this.chooser.files?.[0];
      this.chooser.value = ""; // the same file may be chosen once more
      if (file) void this.take(file);
    };
    byId("sample", HTMLButtonElement).onclick = () => void this.takeSample();
    this.form.onsubmit = (event) => event.preventDefault();
    this.listenForDrops();
  }

  /** Send a file and show what comes of it. */
  async take(file: File): Promise<void> {
    await this.run(file.name, () => void this.take(file), async (signal) => {
      const isPicture = file.type.startsWith("image/") || PICTURES.test(file.name);
      if (isPicture) await this.score(file, signal);
      else await this.analyse(file, signal);
    });
  }

  /** Follow a job that is there already, and show its report. */
  async open(id: string): Promise<void> {
    await this.run("", null, async (signal) => {
      const job = await readJson<Job>(`/jobs/${encodeURIComponent(id)}`, { signal });
      this.name.textContent = job.name;
      await this.finish(job, signal);
    });
  }

  /** Leave what is under way; a job goes on without us. */
  leave(): void {
    this.work?.abort();
  }

  private async takeSample(): Promise<void> {
    await this.run("Sample clip", () => void this.takeSample(), async (signal) => {
      const response = await request(SAMPLE, { signal });
      const file = new File([await response.blob()], "accident.mp4", { type: "video/mp4" });
      await this.analyse(file, signal);
    });
  }

  private async run(
    name: string,
    again: (() => void) | null,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.leave();
    mayAskAgain();
    const mine = new AbortController();
    this.work = mine;
    this.outcome.started();
    this.name.textContent = name;
    this.tell("Preparing", null);
    this.stop.onclick = () => mine.abort();
    show(this.panel, true);
    try {
      await work(mine.signal);
    } catch (error) {
      if (this.work !== mine) return; // something newer has taken the place
      if (error instanceof Refusal) this.outcome.failed(error, again);
      else if (mine.signal.aborted) this.outcome.cancelled(name);
      else throw error;
    } finally {
      if (this.work === mine) {
        this.work = null;
        show(this.panel, false);
      }
    }
  }

  private async score(file: File, signal: AbortSignal): Promise<void> {
    const form = this.filled("image", file, ["top_k", "mode"]);
    const answer = await upload<FramesAnswer>("/frames/score", form, (share) => this.tellUpload(file, share), signal);
    if (!signal.aborted) this.outcome.picture(file, answer);
  }

  private async analyse(file: File, signal: AbortSignal): Promise<void> {
    const form = this.filled("video", file, ["sample_fps", "top_k", "mode"]);
    const job = await upload<Job>("/videos/analyze", form, (share) => this.tellUpload(file, share), signal);
    history.replaceState(null, "", `#job=${job.id}`);
    this.outcome.changed();
    await this.finish(job, signal);
  }

  private async finish(job: Job, signal: AbortSignal): Promise<void> {
    this.stop.onclick = () => {
      this.stop.disabled = true;
      request(`/jobs/${job.id}`, { method: "DELETE" }).catch(() => this.leave());
    };
    this.tellJob(job);
    const ended = await follow(job.id, (state) => this.tellJob(state), signal);
    if (ended === null) return;
    this.outcome.changed();
    if (ended.status === "failed") {
      throw new Refusal(ended.error ?? { title: "The analysis failed.", status: 500 });
    }
    if (ended.status === "cancelled") this.outcome.cancelled(ended.name);
    else await this.outcome.report(ended, await readJson<Report>(`/jobs/${job.id}/report?format=json`, { signal }));
  }

  private filled(name: string, file: File, fields: readonly string[]): FormData {
    const chosen = new FormData(byId("options", HTMLFormElement));
    const form = new FormData();
    for (const field of fields) {
      const value = chosen.get(field);
      if (typeof value === "string" && value !== "") form.set(field, value);
    }
    form.set(name, file);
    return form;
  }

  private tellUpload(file: File, share: number): void {
    const done = share >= 1 ? "Checking the file" : `Uploading, ${megabytes(file.size)}`;
    this.tell(done, share >= 1 ? null : share);
  }

  private tellJob(job: Job): void {
    if (job.status === "queued") this.tell("Waiting for its turn", null);
    else this.tell(capital(job.stage), job.progress / 100);
  }

  private tell(stage: string, share: number | null): void {
    this.stop.disabled = false;
    if (this.stage.textContent !== stage) this.stage.textContent = stage;
    this.number.textContent = share === null ? "" : percent(share);
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
  }

  private listenForDrops(): void {
    const over = (event: DragEvent): boolean => !!event.dataTransfer?.types.includes("Files");
    let depth = 0; // enter and leave come for every element on the way
    const mark = (change: number): void => {
      depth = Math.max(0, depth + change);
      document.body.classList.toggle("dragging", depth > 0);
    };
    window.addEventListener("dragenter", (event) => over(event) && mark(1));
    window.addEventListener("dragleave", (event) => over(event) && mark(-1));
    window.addEventListener("dragover", (event) => over(event) && event.preventDefault());
    window.addEventListener("drop", (event) => {
      if (!over(event)) return;
      event.preventDefault(); // the browser would leave the page for the file
      mark(-depth);
      const file = event.dataTransfer?.files[0];
      if (file) void this.take(file);
    });
  }
}
