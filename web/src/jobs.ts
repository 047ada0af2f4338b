// The clips that were analysed lately, newest first.

import { hasEnded, readJson, request } from "./api";
import { byId, h, show } from "./dom";
import type { Job, Status } from "./types";
import { moment, percent } from "./words";

const FEW = 6;
const EVERY_MS = 5_000;
const STATES: Readonly<Record<Status, string>> = {
  queued: "waiting",
  in_progress: "running",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

export class JobList {
  private readonly section = byId("jobs", HTMLElement);
  private readonly list = byId("job-list", HTMLElement);
  private readonly more = byId("more-jobs", HTMLButtonElement);
  private readonly empty = byId("no-jobs", HTMLElement);
  private all = false;
  private last = "";

  constructor(private readonly open: (id: string) => void) {
    this.more.onclick = () => {
      this.all = !this.all;
      void this.refresh();
    };
    setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, EVERY_MS);
  }

  async refresh(): Promise<void> {
    let jobs: Job[];
    try {
      ({ jobs } = await readJson<{ jobs: Job[] }>("/jobs"));
    } catch {
      return; // the state of the server is told elsewhere; an old list beats none
    }
    show(this.section, true);
    const now = JSON.stringify([jobs, this.all]);
    if (now === this.last) return; // rebuilding would take the focus away
    this.last = now;
    const place = document.activeElement?.id;
    const shown = this.all ? jobs : jobs.slice(0, FEW);
    this.list.replaceChildren(...shown.map((job) => this.entry(job)));
    show(this.empty, jobs.length === 0);
    show(this.more, jobs.length > FEW);
    this.more.textContent = this.all ? "Show fewer" : `Show ${jobs.length}`;
    if (place && document.activeElement === document.body) document.getElementById(place)?.focus();
  }

  private entry(job: Job): HTMLLIElement {
    const state = job.status === "in_progress" ? `${STATES[job.status]}, ${percent(job.progress / 100)}` : STATES[job.status];
    const open = h(
      "button",
      { type: "button", class: "job-name", id: `job-${job.id}`, onclick: () => this.open(job.id) },
      job.name,
    );
    const stop = h(
      "button",
      { type: "button", class: "quiet small", "aria-label": `Cancel ${job.name}`, onclick: () => void this.cancel(job) },
      "Cancel",
    );
    return h(
      "li",
      { class: "job" },
      open,
      h("span", { class: `state ${job.status}` }, state),
      h("time", { class: "soft", datetime: job.created_at }, moment(job.created_at)),
      hasEnded(job) ? null : stop,
    );
  }

  private async cancel(job: Job): Promise<void> {
    await request(`/jobs/${job.id}`, { method: "DELETE" }).catch(() => null);
    await this.refresh();
  }
}
