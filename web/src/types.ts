// What the public API answers, as far as the page reads it. /openapi.json is the reference.

export type Status = "queued" | "in_progress" | "completed" | "failed" | "cancelled";

export interface Problem {
  title: string;
  status: number;
  detail?: string;
  request_id?: string;
  errors?: BrokenRule[];
}

export interface BrokenRule {
  id: string;
  rule: string;
  detail: string;
}

export interface Job {
  id: string;
  status: Status;
  progress: number;
  stage: string;
  revision: number;
  name: string;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  error: Problem | null;
}

export interface Roi {
  /** Left, top, right, bottom in pixels of the picture as sent, upright. */
  xyxy: [number, number, number, number];
  class: string;
  confidence: number;
  track_id: number | null;
  roi_source: "detected" | "relaxed" | "pseudo" | "null";
}

export interface Explanation {
  description_id: string;
  text: string;
  path: string[];
  polarity: "anomaly" | "normal";
  severity: number;
  similarity: number;
  margin: number;
  counterpart: string | null;
  subject: Roi | null;
  object: Roi | null;
  cues: Record<string, number>;
}

export interface Model {
  bundle: string;
  mode: string;
  /** Probability from which a frame counts for an alarm; older servers do not say it. */
  threshold?: number | null;
}

export interface FrameScore {
  name: string;
  width: number;
  height: number;
  score: number;
  eq11: number;
  probability: number;
  anomalous: boolean;
  /** Whether the pixels were trusted; `off` leaves kind, place and motion of the objects. */
  appearance: "on" | "off";
  rois: Roi[];
  explanations: Explanation[];
}

export interface FramesAnswer {
  model: Model;
  results: FrameScore[];
}

export interface FrameRow {
  index: number;
  time_s: number;
  score: number;
  eq11: number;
  probability: number;
  anomalous: boolean;
}

export interface Segment {
  start_s: number;
  end_s: number;
  peak_s: number;
  peak_index: number;
  probability: number;
  explanations: Explanation[];
}

export interface Report {
  video: {
    name: string;
    width: number;
    height: number;
    duration_s: number;
    fps: number;
    codec: string;
    sampled_frames: number;
    sample_fps: number;
  };
  model: Model;
  frames: FrameRow[];
  segments: Segment[];
  decode_errors: { time_s: number | null; detail: string; count: number }[];
  skipped: { time_s: number | null; reason: string; count: number }[];
}

export interface Description {
  t: string;
  id?: string;
}

/** A heading has `children`, a scenario has `d`. */
export interface TreeNode {
  id: string;
  title: string;
  polarity?: "anomaly" | "normal";
  severity?: number;
  counterpart?: string;
  cues?: string[];
  children?: TreeNode[];
  d?: Description[];
}

export interface Knowledge {
  tree: TreeNode[];
}

export interface Readiness {
  ready: boolean;
  reasons: string[];
}
