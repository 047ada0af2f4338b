// The way to the server: errors as one kind of exception, the API key, tokens for what cannot
// carry a header (events, film, downloads), and the upload that tells how far it is.

import { pause } from "./dom";
import type { Job, Problem } from "./types";

const KEY = "saclip-api-key";
const SPARE_S = 30; // a token is not used in its last seconds

/** The server refused, or could not be reached (status 0). */
export class Refusal extends Error {
  constructor(
    readonly problem: Problem,
    readonly retryAfterS: number | null = null,
  ) {
    super(problem.detail ?? problem.title);
  }
}

export const UNREACHABLE: Problem = {
  title: "The server cannot be reached.",
  detail: "Check the connection. What was already sent is safe on the server.",
  status: 0,
};

/** Asks the reader for a key; told whether there was one already that the server did not take. */
export type AskForKey = (refused: boolean) => Promise<string | null>;

let askForKey: AskForKey = () => Promise.resolve(null);
let asking: Promise<string | null> | null = null;
let declined = false; // what runs in the background must not ask again and again
let token: { text: string; until: number } | null = null;

/** Who is asked for a key when the server wants one. */
export function onKeyWanted(ask: AskForKey): void {
  askForKey = ask;
}

/** The reader has begun something: a question for the key would be no surprise. */
export function mayAskAgain(): void {
  declined = false;
}

/** Kept until the tab is closed; nowhere else. */
function storeKey(key: string): void {
  token = null;
  sessionStorage.setItem(KEY, key);
}

function hasKey(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

/** fetch, with the key; throws a Refusal for every answer that is none. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(keyHeader())) headers.set(name, value);
    const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      throw new Refusal(UNREACHABLE);
    });
    if (response.ok) return response;
    if (response.status === 401 && (await keyWasGiven())) continue;
    throw refusal(response.status, await response.text(), response.headers.get("retry-after"));
  }
}

export async function readJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

/** The address with a short-lived token when a key is in use; elements send no headers. */
export async function signed(path: string): Promise<string> {
  if (!hasKey()) return path;
  if (token === null || Date.now() > token.until) {
    const given = await readJson<{ token: string; expires_at: string | number }>("/tokens", {
      method: "POST",
    });
    const ends = given.expires_at;
    const until = typeof ends === "number" ? ends * 1000 : Date.parse(ends);
    token = { text: given.token, until: until - SPARE_S * 1000 };
  }
  return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token.text)}`;
}

/** Send a form; `told` hears the share in 0..1 that has left. Aborting it rejects. */
export async function upload<T>(
  path: string,
  form: FormData,
  told: (share: number) => void,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    const answer = await sent(path, form, told, signal);
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.responseText) as T;
    if (answer.status === 401 && (await keyWasGiven())) continue;
    throw refusal(answer.status, answer.responseText, answer.getResponseHeader("retry-after"));
  }
}

/** Follow a job to its end; null when the caller has lost interest. */
export async function follow(
  id: string,
  told: (job: Job) => void,
  signal: AbortSignal,
): Promise<Job | null> {
  while (!signal.aborted) {
    const last = await events(await signed(`/jobs/${id}/events`), told, signal);
    if (last !== null || signal.aborted) return last;
    // The stream was refused: ask the ordinary way, so that the reason is heard.
    const job = await readJson<Job>(`/jobs/${id}`, { signal });
    told(job);
    if (hasEnded(job)) return job;
    await pause(1000);
  }
  return null;
}

export function hasEnded(job: Job): boolean {
  return job.status !== "queued" && job.status !== "in_progress";
}

function events(url: string, told: (job: Job) => void, signal: AbortSignal): Promise<Job | null> {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    const stop = (job: Job | null): void => {
      source.close();
      resolve(job);
    };
    signal.addEventListener("abort", () => stop(null), { once: true });
    source.addEventListener("state", (event: MessageEvent<string>) => {
      const job = JSON.parse(event.data) as Job;
      told(job);
      if (hasEnded(job)) stop(job);
    });
    source.onerror = () => {
      // A line that was cut is CONNECTING: the browser comes back by itself.
      if (source.readyState === EventSource.CLOSED) stop(null);
    };
  });
}

function sent(
  path: string,
  form: FormData,
  told: (share: number) => void,
  signal: AbortSignal,
): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const line = new XMLHttpRequest(); // fetch tells nothing of an upload's way
    line.open("POST", path);
    for (const [name, value] of Object.entries(keyHeader())) line.setRequestHeader(name, value);
    line.upload.onprogress = (event) => {
      if (event.lengthComputable) told(event.loaded / event.total);
    };
    line.onload = () => resolve(line);
    line.onerror = () => reject(new Refusal(UNREACHABLE));
    line.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => line.abort(), { once: true });
    line.send(form);
  });
}

function keyHeader(): Record<string, string> {
  const key = sessionStorage.getItem(KEY);
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** Several requests may be refused at once; the reader is asked once. */
async function keyWasGiven(): Promise<boolean> {
  if (declined) return false;
  asking ??= askForKey(hasKey()).finally(() => {
    asking = null;
  });
  const key = await asking;
  if (key === null) declined = true;
  else storeKey(key);
  return key !== null;
}

function refusal(status: number, body: string, retryAfter: string | null): Refusal {
  const seconds = retryAfter === null || !/^\d+$/.test(retryAfter) ? null : Number(retryAfter);
  try {
    const problem = JSON.parse(body) as Partial<Problem>;
    if (typeof problem.title === "string") {
      return new Refusal({ ...problem, title: problem.title, status }, seconds);
    }
  } catch {
    // Something between us and the service answered with a page of its own.
  }
  return new Refusal({ title: `The server answered with status ${status}.`, status }, seconds);
}
