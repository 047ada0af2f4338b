// Numbers and names as people read them: always with a unit, never more digits than are meant.

const MINUS = "−";
const GAP = "\u00a0"; // a number and its unit stay on one line
const PSEUDO: Readonly<Record<string, string>> = {
  full: "the whole picture",
  road: "the road",
  ego: "the camera's own car",
};

/** "3.4 s", from a minute on "1:03.4". */
export function time(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)}${GAP}s`;
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  if (minutes < 60) return `${minutes}:${rest}${GAP}min`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}${GAP}h`;
}

/** "from 3.4 s to 5.0 s". */
export function span(start: number, end: number): string {
  return `${time(start)} to ${time(end)}`;
}

/** A share in 0..1 as "82 %"; what is not 0 or 1 is never rounded to it. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return `<${GAP}1${GAP}%`;
  if (share < 1 && share > 0.99) return `>${GAP}99${GAP}%`;
  return `${Math.round(100 * share)}${GAP}%`;
}

/** "+0.214" or "−0.050", with a real minus sign. */
export function signed(value: number): string {
  return `${value < 0 ? MINUS : "+"}${Math.abs(value).toFixed(3)}`;
}

export function decimal(value: number, digits = 2): string {
  return value.toFixed(digits).replace("-", MINUS);
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

export function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** "40000471 bytes" in a text of the server -> "40.0 MB". */
export function inMegabytes(text: string): string {
  return text.replace(/\b(\d{4,}) bytes\b/g, (_, bytes: string) => megabytes(Number(bytes)));
}

/** "21 Nov, 07:09" in the reader's own time and language. */
export function moment(iso: string): string {
  return new Intl.DateTimeFormat(undefined, {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(iso));
}

const CUES: Readonly<Record<string, string>> = {
  residual: "leaves its steady way",
  closing: "closing in",
  iou_rise: "growing overlap",
  short_ttc: "contact is near",
  sudden_stop: "sudden change of speed",
  lateral_jump: "sudden move sideways",
  crossing_path: "crossing ways",
  opposite_heading: "heading towards each other",
  lane_violation: "leaves its lane",
  spin: "spinning",
  aspect_flip: "sudden change of shape",
  static_overlap: "standing against each other",
  static_in_lane: "standing in the lane",
  looming: "growing fast in view",
  ego_jerk: "jolt of the camera",
  ego_rotation: "turn of the camera",
  swerve: "swerving",
  reverse_motion: "moving backwards",
  roadside: "at the roadside",
  appearance: "looks",
};

/** A motion cue in plain words; one that is new here by its own name. */
export function cueName(name: string): string {
  return CUES[name] ?? plain(name);
}

/** "sudden_stop" -> "sudden stop". */
export function plain(name: string): string {
  return name.replaceAll("_", " ");
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "no frame could be read" -> "No frame could be read."; a file's name keeps its letters. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const begun = /^[a-z]+\s/.test(trimmed) ? capital(trimmed) : trimmed;
  return /[.!?…]['"”]?$/.test(begun) ? begun : `${begun}.`;
}

/** An object as it is called: "car 3" when it is followed, else "car"; regions by what they are. */
export function objectName(roi: { class: string; track_id: number | null; roi_source: string }): string {
  if (roi.roi_source === "pseudo") return PSEUDO[roi.class] ?? roi.class;
  return roi.track_id === null ? roi.class : `${roi.class} #${roi.track_id}`;
}
