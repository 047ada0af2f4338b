// The page is a client of the public API and holds no state of its own.
const $ = (id) => document.getElementById(id);
const say = (text, alarm = false) => { $("status").textContent = text; $("status").className = alarm ? "alarm" : ""; };

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = $("file").files[0];
  if (!file) return;
  $("result").hidden = true;
  $("explanations").replaceChildren();
  try {
    await (file.type.startsWith("video/") ? analyze(file) : score(file));
  } catch (error) {
    say(error.message, true);
  } finally {
    $("progress").hidden = true;
  }
});

async function call(path, options) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? body.title ?? `The service answered ${response.status}.`);
  return body;
}

async function score(file) {
  say("Scoring…");
  const form = new FormData();
  form.append("image", file);
  form.append("mode", $("mode").value);
  const { results: [result] } = await call("/frames/score", { method: "POST", body: form });
  say(`${result.rois.filter((roi) => roi.roi_source !== "pseudo").length} objects found; appearance ${result.appearance}.`);
  headline(result.anomalous ? "Anomalous" : "Nothing unusual", result.probability, result.anomalous);
  await draw(file, result);
  result.explanations.forEach((e) => $("explanations").append(explanation(e)));
}

async function analyze(file) {
  say("Uploading…");
  const form = new FormData();
  form.append("video", file);
  form.append("mode", $("mode").value);
  let job = await call("/videos/analyze", { method: "POST", body: form });
  $("progress").hidden = false;
  while (job.status === "queued" || job.status === "in_progress") {
    $("progress").value = job.progress;
    say(`${job.stage}, ${Math.round(job.progress)} %`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    job = await call(`/jobs/${job.id}`);
  }
  if (job.status !== "completed") throw new Error(job.error?.detail ?? `The job was ${job.status}.`);
  const report = await call(job.report_url);
  const peak = Math.max(...report.frames.map((frame) => frame.probability));
  say(`${report.frames.length} frames scored, ${report.decode_errors.length} decoding errors.`);
  headline(`${report.segments.length} anomalous segments`, peak, report.segments.length > 0);
  timeline(report);
  for (const segment of report.segments) {
    const item = explanation(segment.explanations[0]);
    item.prepend(`${segment.start_s.toFixed(1)} to ${segment.end_s.toFixed(1)} s: `);
    $("explanations").append(item);
  }
}

function headline(text, probability, alarm) {
  $("headline").textContent = `${text} (${Math.round(100 * probability)} %)`;
  $("headline").className = alarm ? "alarm" : "";
  $("result").hidden = false;
}

function explanation(e) {
  const item = document.createElement("li");
  if (!e) return item;
  const path = document.createElement("div");
  path.className = "path";
  path.textContent = e.path.join(" › ");
  const why = document.createElement("div");
  why.className = "why";
  const who = [e.subject, e.object].filter(Boolean).map((p) => p.class).join(" and ");
  why.textContent = `${who || "whole picture"}; similarity ${e.similarity.toFixed(2)}` +
    (e.margin == null ? "" : `, margin ${e.margin.toFixed(2)}`);
  item.append(e.text, path, why);
  return item;
}

async function draw(file, result) {
  const bitmap = await createImageBitmap(file);
  const canvas = $("picture");
  [canvas.width, canvas.height] = [result.width, result.height];
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0, result.width, result.height);
  const line = Math.max(2, result.width / 320);
  const best = result.explanations[0];
  const box = (xyxy, colour, width) => {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.strokeRect(xyxy[0], xyxy[1], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]);
  };
  result.rois.filter((roi) => roi.roi_source !== "pseudo").forEach((roi) => box(roi.xyxy, "#ffd54a", line));
  for (const [part, colour] of [[best?.subject, "#ff5a4d"], [best?.object, "#4db8ff"]])
    if (part && part.roi_source !== "pseudo") box(part.xyxy, colour, 2 * line);
  canvas.setAttribute("aria-label", `${file.name} with ${result.rois.length} regions; best: ${best?.text ?? "none"}`);
}

function timeline(report) {
  const canvas = $("picture");
  [canvas.width, canvas.height] = [900, 160];
  const pen = canvas.getContext("2d");
  const end = report.frames.at(-1).time_s || 1;
  const x = (s) => (s / end) * 900;
  pen.fillStyle = "#b3261e44";
  report.segments.forEach((s) => pen.fillRect(x(s.start_s), 0, Math.max(2, x(s.end_s) - x(s.start_s)), 160));
  pen.strokeStyle = "#2f80c8";
  pen.lineWidth = 2;
  pen.beginPath();
  report.frames.forEach((f) => pen.lineTo(x(f.time_s), 158 - 156 * f.probability));
  pen.stroke();
  canvas.setAttribute("aria-label", `Probability over ${end.toFixed(1)} seconds with ${report.segments.length} segments`);
}
