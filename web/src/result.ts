// One result on the page: a clip's report with its film, or a picture.

import { signed } from "./api";
import { DescriptionList } from "./descriptions";
import { byId, h, show } from "./dom";
import { Film } from "./film";
import { countHits, type Hierarchy } from "./knowledge";
import { Overlay } from "./overlay";
import { Player } from "./player";
import { Timeline } from "./timeline";
import type { Explanation, FrameRow, FrameScore, FramesAnswer, Job, Report, Segment } from "./types";
import { count, objectName, percent, span, time } from "./words";

const DOWNLOADS: readonly (readonly [string, string, string])[] = [
  ["Report to print (HTML)", "report?format=html", ""],
  ["Report (JSON)", "report?format=json", "json"],
  ["Table (CSV)", "report?format=csv", "csv"],
  ["Subtitles (WebVTT)", "report?format=vtt", "vtt"],
];

export class ResultView {
  private readonly section = byId("result", HTMLElement);
  private readonly title = byId("result-title", HTMLElement);
  private readonly facts = byId("result-facts", HTMLElement);
  private readonly verdict = byId("verdict", HTMLElement);
  private readonly screen = byId("screen", HTMLElement);
  private readonly video = byId("film", HTMLVideoElement);
  private readonly captions = byId("film-captions", HTMLTrackElement);
  private readonly picture = byId("picture", HTMLImageElement);
  private readonly noFilm = byId("no-film", HTMLElement);
  private readonly clipPart = byId("clip-part", HTMLElement);
  private readonly segments = byId("segments", HTMLElement);
  private readonly moment = byId("moment-title", HTMLElement);
  private readonly number = byId("moment-number", HTMLElement);
  private readonly meter = byId("moment-meter", HTMLMeterElement);
  private readonly found = byId("found", HTMLElement);
  private readonly alarm = byId("moment-alarm", HTMLElement);
  private readonly note = byId("moment-note", HTMLElement);
  private readonly nothing = byId("no-descriptions", HTMLElement);
  private readonly marginHelp = byId("margin-help", HTMLElement);
  private readonly spoken = byId("spoken", HTMLElement);
  private readonly downloads = byId("downloads", HTMLElement);
  private readonly filmOverlay = new Overlay(byId("film-overlay", SVGSVGElement), false);
  private readonly pictureOverlay = new Overlay(byId("picture-overlay", SVGSVGElement), true);
  private readonly player = new Player(this.video, this.screen);
  private readonly descriptions: DescriptionList;
  private film: Film | null = null;
  private still: FrameScore | null = null;
  private threshold: number | null = null;
  private current: { row: FrameRow; url: string } | null = null;

  /** `hits` hears how often each scenario explained the result that is shown. */
  constructor(
    hierarchy: () => Hierarchy | null,
    private readonly hits: (hits: ReadonlyMap<string, number> | null) => void,
  ) {
    this.descriptions = new DescriptionList(byId("descriptions", HTMLElement), hierarchy, (chosen) =>
      this.onChosen(chosen),
    );
  }

  clear(): void {
    this.film?.close();
    this.film = null;
    this.still = null;
    if (this.picture.src.startsWith("blob:")) URL.revokeObjectURL(this.picture.src);
    this.picture.removeAttribute("src");
    this.reveal(false);
    this.hits(null);
  }

  async showReport(job: Job, report: Report): Promise<void> {
    this.clear();
    const url = `/jobs/${job.id}`;
    const { video, segments, frames } = report;
    const errors = report.decode_errors.reduce((sum, error) => sum + error.count, 0);
    const skipped = report.skipped.reduce((sum, some) => sum + some.count, 0);
    this.threshold = report.model.threshold ?? null;
    this.title.textContent = job.name;
    this.facts.textContent = [
      time(video.duration_s),
      `${video.width} × ${video.height} px`,
      `${count(frames.length, "frame")} scored, ${Number(video.sample_fps.toFixed(2))} per second`,
      `model ${report.model.bundle}`,
      skipped ? `${count(skipped, "frame")} could not be scored` : "",
      errors ? `${count(errors, "part")} of the file could not be read` : "",
    ].filter(Boolean).join(" · ");
    this.setVerdict(
      segments.length > 0,
      segments.length ? `${count(segments.length, "anomalous segment")}` : "No anomaly found",
    );
    this.showParts(true);
    this.screen.style.aspectRatio = `${video.width} / ${video.height}`;
    const film = new Film(
      this.video,
      this.filmOverlay,
      url,
      report,
      (row) => this.player.tell(row.time_s),
      (row, found) => this.onFrame(url, row, found),
    );
    this.film = film;
    this.player.begin(video.duration_s, (by) => film.step(by));
    this.reveal(true); // before the timeline, which measures its place
    const timeline = new Timeline(byId("timeline", HTMLElement), report, (row) => film.jump(row));
    film.follow(timeline);
    this.segments.replaceChildren(...segments.map((segment) => this.segmentEntry(film, report, segment)));
    this.hits(countHits(segments.map((segment) => segment.explanations)));
    const there = await film.load();
    if (film !== this.film) return;
    show(this.video, there);
    show(this.noFilm, !there);
    this.filmOverlay.setBare(!there);
    this.player.hasFilm(there);
    if (there) this.captions.src = await signed(`${url}/report?format=vtt`);
    this.offerDownloads(url, there);
    const segment = segments[strongest(segments)];
    const row = frames[segment ? timeline.frameAt(segment.peak_s) : strongest(frames)];
    if (row) film.jump(row);
  }

  showPicture(file: File, answer: FramesAnswer): void {
    this.clear();
    const result = answer.results[0];
    if (!result) return;
    this.still = result;
    this.threshold = answer.model.threshold ?? null;
    this.player.hide();
    this.title.textContent = file.name;
    this.facts.textContent = `${result.width} × ${result.height} px · model ${answer.model.bundle}`;
    this.setVerdict(result.anomalous, result.anomalous ? "Anomalous" : "No anomaly found");
    this.showParts(false);
    show(this.noFilm, false);
    this.screen.style.aspectRatio = `${result.width} / ${result.height}`;
    this.picture.src = URL.createObjectURL(file);
    this.picture.alt = `${file.name} with the objects found in it`;
    this.downloads.replaceChildren();
    this.reveal(true);
    this.listObjects(result);
    this.showMoment("This picture", result.probability, result.anomalous, result);
    this.hits(countHits(result.anomalous ? [result.explanations] : []));
  }

  private listObjects(result: FrameScore): void {
    const objects = result.rois.filter((roi) => roi.roi_source !== "pseudo");
    const names = objects.map((roi) => `${objectName(roi)} ${percent(roi.confidence)}`);
    this.found.replaceChildren(...(names.length ? names : ["none"]).map((name) => h("li", {}, name)));
  }

  focus(): void {
    this.section.focus({ preventScroll: true });
    this.section.scrollIntoView({ block: "start" });
  }

  /** With a result on it the page gives less room to the place for the next file. */
  private reveal(visible: boolean): void {
    show(this.section, visible);
    document.body.classList.toggle("has-result", visible);
  }

  private showParts(clip: boolean): void {
    show(this.clipPart, clip);
    show(byId("picture-part", HTMLElement), !clip);
    show(byId("film-frame", HTMLElement), clip);
    show(byId("picture-frame", HTMLElement), !clip);
    show(this.downloads, clip);
  }

  private setVerdict(anomalous: boolean, text: string): void {
    this.verdict.textContent = text;
    this.verdict.className = `verdict ${anomalous ? "alarm" : "calm"}`;
  }

  private segmentEntry(film: Film, report: Report, segment: Segment): HTMLLIElement {
    const best = segment.explanations[0];
    const go = (): void => {
      const row = report.frames.find((frame) => frame.index === segment.peak_index);
      if (row) film.jump(row);
    };
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "segment", onclick: go },
        h("span", { class: "segment-time" }, span(segment.start_s, segment.end_s)),
        h("span", { class: "segment-text" }, best?.text ?? "Anomaly without a description"),
        h("span", { class: "segment-number" }, percent(segment.probability)),
      ),
    );
  }

  private onFrame(url: string, row: FrameRow, found: FrameScore | null): void {
    this.current = { row, url };
    this.showMoment(`At ${time(row.time_s)}`, row.probability, row.anomalous, found);
    const best = found?.explanations[0]?.text ?? "";
    // Spoken when the reader has stopped there; a film that plays would never stop talking.
    if (this.video.paused) {
      this.spoken.textContent = `${time(row.time_s)}: probability ${percent(row.probability)}. ${best}`;
    }
  }

  private showMoment(title: string, probability: number, anomalous: boolean, found: FrameScore | null): void {
    const explanations = found?.explanations ?? [];
    const { threshold } = this;
    this.moment.textContent = title;
    this.number.textContent = percent(probability);
    const alarm = threshold !== null && probability >= threshold;
    this.number.classList.toggle("alarm-text", alarm);
    this.meter.classList.toggle("alarm", alarm);
    this.alarm.textContent = threshold === null ? "" : `alarm from ${percent(threshold)}`;
    this.meter.value = probability;
    this.note.textContent =
      "This footage looks unlike what the model learned from, so the picture as a whole does not count, only its objects.";
    show(this.note, found?.appearance === "off");
    this.descriptions.set(explanations, anomalous);
    show(this.nothing, explanations.length === 0);
    show(this.marginHelp, explanations.length > 0);
  }

  private onChosen(chosen: Explanation | null): void {
    if (this.still) this.pictureOverlay.set(this.still, chosen, true);
    else this.film?.choose(chosen);
  }

  private offerDownloads(url: string, film: boolean): void {
    const offer = (text: string, path: () => string, name: string): HTMLElement => {
      const open = async (event: Event): Promise<void> => {
        event.preventDefault();
        // The token of a moment ago may have run out, so the address is made when it is wanted.
        const link = h("a", { href: await signed(path()), download: name || null, target: name ? null : "_blank" });
        link.click();
      };
      return h("a", { class: "button quiet", href: path(), onclick: (event: Event) => void open(event) }, text);
    };
    const id = url.split("/").pop() ?? "report";
    const links = DOWNLOADS.map(([text, path, kind]) => offer(text, () => `${url}/${path}`, kind && `${id}.${kind}`));
    if (film) {
      const frame = (): string => `${url}/frames/${this.current?.row.index ?? 0}.jpg`;
      links.push(offer("Film (MP4)", () => `${url}/video.mp4`, `${id}.mp4`), offer("This frame (JPEG)", frame, `${id}.jpg`));
    }
    this.downloads.replaceChildren(...links);
  }
}

/** Place of the first row with the highest probability; 0 where there is none. */
function strongest(rows: readonly { probability: number }[]): number {
  return rows.reduce((best, row, place) => (row.probability > (rows[best]?.probability ?? 0) ? place : best), 0);
}
