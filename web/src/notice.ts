// What went wrong, in the server's own words, and what can be done about it.

import type { Refusal } from "./api";
import { byId, h, show } from "./dom";
import { inMegabytes, sentence } from "./words";

const ADVICE: Readonly<Record<number, string>> = {
  401: "Enter an API key that may score, or ask the operator for one.",
  403: "This API key may not do that. Ask the operator for one that may.",
  404: "It may have been deleted: results are kept for some days only.",
  409: "Try again in a moment.",
  412: "Somebody else changed the descriptions meanwhile. Open the editor again to see their version.",
  413: "Send a smaller or shorter file, or ask the operator to raise the limit.",
  415: "Send a clip as MP4, MOV, MKV, WebM, AVI or TS, or a picture as JPEG, PNG or WebP.",
  422: "Send another file, or change the setting that the message names.",
  507: "Ask the operator to free some space.",
};

const OTHER_FILE: readonly number[] = [413, 415, 422]; // the same one would be refused again

const root = byId("notice", HTMLElement);
const chooser = byId("file", HTMLInputElement);

export function clearNotice(): void {
  root.replaceChildren();
  show(root, false);
}

/** A calm message: something ended, nothing failed. */
export function tell(title: string, text: string): void {
  fill("calm", title, [h("p", {}, text)], null);
}

export function tellRefusal(refusal: Refusal, again: (() => void) | null): void {
  const { problem, retryAfterS } = refusal;
  const wait = retryAfterS === null ? "Try again in a moment." : `Try again in ${retryAfterS} seconds.`;
  const advice = problem.status === 429 || problem.status === 503 ? wait : ADVICE[problem.status];
  const parts = [
    // Of an address that leads nowhere the advice says all that a reader can use.
    problem.detail && problem.status !== 404 ? h("p", { class: "detail" }, sentence(inMegabytes(problem.detail))) : null,
    advice ? h("p", {}, advice) : null,
    problem.request_id ? h("p", { class: "soft" }, `Request number, for the operator: ${problem.request_id}`) : null,
  ];
  const other = again !== null && OTHER_FILE.includes(problem.status);
  if (other) fill("alarm", problem.title, parts, ["Choose another file", () => chooser.click()]);
  else fill("alarm", problem.title, parts, again && ["Try again", again]);
}

function fill(
  kind: string,
  title: string,
  parts: (HTMLElement | null)[],
  next: readonly [string, () => void] | null,
): void {
  const close = h("button", { type: "button", class: "quiet", onclick: clearNotice }, "Close");
  const onward = next && h("button", { type: "button", onclick: next[1] }, next[0]);
  root.className = `notice ${kind}`;
  root.replaceChildren(
    h("h2", {}, title),
    ...parts.filter((part) => part !== null),
    h("p", { class: "actions" }, onward, close),
  );
  show(root, true);
  root.scrollIntoView({ block: "nearest" });
}
