// The page is a client of the public API and nothing else.
const $ = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;

async function ask(url, options) {
  const response = await fetch(url, options);
  const text = await response.text();
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* an error page of a proxy */ }
  if (!response.ok) {
    throw new Error(body?.detail ?? body?.title ?? `the server answered ${response.status}`);
  }
  return { status: response.status, body };
}

function item(strong, text, soft) {
  const entry = document.createElement("li");
  const head = document.createElement("strong");
  head.textContent = strong;
  const tail = document.createElement("div");
  tail.className = "soft";
  tail.textContent = soft;
  entry.append(head, ` ${text}`, tail);
  return entry;
}

const who = (roi) => (roi ? roi.class : "nothing else");

function explanationItem(explanation) {
  const margin = explanation.margin == null ? "" : `, margin ${explanation.margin.toFixed(3)}`;
  return item(
    explanation.text,
    `(${who(explanation.subject)} and ${who(explanation.object)})`,
    `${explanation.path.join(" / ")}; similarity ${explanation.similarity.toFixed(3)}${margin}`,
  );
}

async function draw(file, result) {
  const picture = await createImageBitmap(file);
  const canvas = $("frame-canvas");
  [canvas.width, canvas.height] = [result.width, result.height];
  const pen = canvas.getContext("2d");
  const unit = Math.max(result.width, result.height) / 640;
  pen.drawImage(picture, 0, 0, result.width, result.height);
  pen.font = `${14 * unit}px system-ui, sans-serif`;
  const best = result.explanations[0];
  const main = [best?.subject, best?.object].filter(Boolean).map((roi) => roi.xyxy.join());
  for (const roi of result.rois) {
    const chosen = main.includes(roi.xyxy.join());
    if (roi.roi_source === "pseudo" && !chosen) continue;
    const [x1, y1, x2, y2] = roi.xyxy;
    pen.strokeStyle = pen.fillStyle = chosen ? "#ff5252" : "#4fc3f7";
    pen.lineWidth = (chosen ? 3 : 1.5) * unit;
    pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const label = roi.class;
    pen.fillRect(x1, Math.max(0, y1 - 17 * unit), pen.measureText(label).width + 6 * unit, 17 * unit);
    pen.fillStyle = "#000";
    pen.fillText(label, x1 + 3 * unit, Math.max(13 * unit, y1 - 4 * unit));
  }
  $("frame-figure").hidden = false;
}

$("frame-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  button.disabled = true;
  $("frame-status").textContent = "Scoring ...";
  $("frame-figure").hidden = true;
  $("frame-explanations").replaceChildren();
  try {
    const { body } = await ask("/frames/score", { method: "POST", body: new FormData(form) });
    const result = body.results[0];
    const verdict = $("frame-verdict");
    verdict.className = result.anomalous ? "alarm" : "";
    verdict.textContent = `${result.anomalous ? "Anomalous" : "Not anomalous"}: probability ` +
      `${percent(result.probability)}, score ${result.score.toFixed(3)}, Eq. 11 ${result.eq11.toFixed(3)}`;
    $("frame-explanations").replaceChildren(...result.explanations.map(explanationItem));
    await draw(form.elements.image.files[0], result);
    $("frame-status").textContent = "";
  } catch (error) {
    $("frame-status").textContent = `Refused: ${error.message}`;
  } finally {
    button.disabled = false;
  }
});

function showReport(url, report) {
  $("clip-status").textContent = report.segments.length
    ? `${report.segments.length} segment(s) of anomaly in ${report.frames.length} frames.`
    : `No anomaly in ${report.frames.length} frames.`;
  if (report.decode_errors.length) {
    $("clip-status").textContent += ` ${report.decode_errors.length} decoding error(s).`;
  }
  $("clip-segments").replaceChildren(...report.segments.map(segmentItem));
  for (const kind of ["html", "json", "csv", "vtt"]) $(`clip-${kind}`).href = `${url}/report?format=${kind}`;
  $("clip-mp4").href = `${url}/video.mp4`;
  $("clip-links").hidden = false;
  showFilm(url);
}

function segmentItem(segment) {
  const entry = item(
    `${segment.start_s.toFixed(1)} to ${segment.end_s.toFixed(1)} s`,
    segment.explanations[0]?.text ?? "",
    `probability ${percent(segment.probability)}, strongest at ${segment.peak_s.toFixed(1)} s`,
  );
  const jump = document.createElement("button");
  jump.type = "button";
  jump.textContent = "Show";
  jump.setAttribute("aria-label", `Show the film at ${segment.peak_s.toFixed(1)} seconds`);
  jump.onclick = () => {
    $("clip-film").currentTime = segment.peak_s;
    $("clip-film").focus();
  };
  entry.append(jump);
  return entry;
}

function showFilm(url) {
  const film = $("clip-film");
  const track = document.createElement("track");
  Object.assign(track, { kind: "captions", label: "Anomalies", srclang: "en", default: true });
  track.src = `${url}/report?format=vtt`;
  film.replaceChildren(track);
  film.src = `${url}/video.mp4`;
  film.hidden = false;
}

// The server tells of every change; the browser comes back by itself when the line is cut.
function ended(job) {
  return new Promise((resolve) => {
    const source = new EventSource(`/jobs/${job.id}/events`);
    source.addEventListener("state", (event) => {
      const state = JSON.parse(event.data);
      if (state.status === "queued" || state.status === "in_progress") {
        $("clip-progress").value = state.progress;
        $("clip-status").textContent = `${state.stage}, ${Math.round(state.progress)} %`;
      } else {
        source.close();
        resolve(state);
      }
    });
  });
}

async function follow(queued) {
  const job = await ended(queued);
  if (job.status === "failed") throw new Error(job.error?.detail ?? job.error?.title ?? "the job failed");
  if (job.status === "cancelled") throw new Error("the job was cancelled");
  const url = `/jobs/${job.id}`;
  showReport(url, (await ask(`${url}/report?format=json`)).body);
}

$("clip-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const [button, cancel] = form.querySelectorAll("button");
  button.disabled = true;
  $("clip-segments").replaceChildren();
  $("clip-links").hidden = $("clip-film").hidden = true;
  $("clip-film").removeAttribute("src");
  $("clip-status").textContent = "Uploading ...";
  $("clip-progress").hidden = false;
  $("clip-progress").removeAttribute("value");
  try {
    const { body: job } = await ask("/videos/analyze", { method: "POST", body: new FormData(form) });
    cancel.hidden = false;
    cancel.onclick = () => ask(`/jobs/${job.id}`, { method: "DELETE" }).catch(() => {});
    await follow(job);
  } catch (error) {
    $("clip-status").textContent = `Stopped: ${error.message}`;
  } finally {
    button.disabled = false;
    cancel.hidden = $("clip-progress").hidden = true;
  }
});
