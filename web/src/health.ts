// Whether the server takes requests now, asked for now and then; and the key when it wants one.

import { mayAskAgain, onKeyWanted } from "./api";
import { byId, show } from "./dom";
import type { Readiness } from "./types";

const CALM_MS = 15_000;
const WORRIED_MS = 4_000;

const chip = byId("health", HTMLElement);
const banner = byId("banner", HTMLElement);

/** Look for ever; `back` is called when the server can be reached again. */
export function watchHealth(back: () => void): void {
  let worried = false;
  let timer = 0;
  const look = async (): Promise<void> => {
    clearTimeout(timer);
    const trouble = await findTrouble();
    if (worried && trouble === null) back();
    worried = trouble !== null;
    chip.textContent = trouble?.short ?? "Ready";
    chip.className = `health ${trouble ? "alarm" : "calm"}`;
    banner.textContent = trouble?.long ?? "";
    show(banner, worried);
    timer = window.setTimeout(() => void look(), worried ? WORRIED_MS : CALM_MS);
  };
  window.addEventListener("online", () => void look());
  window.addEventListener("offline", () => void look());
  void look();
}

async function findTrouble(): Promise<{ short: string; long: string } | null> {
  const unreachable = {
    short: "Not reachable",
    long: "The server cannot be reached. This page tries again every few seconds.",
  };
  try {
    const response = await fetch("/readyz", { cache: "no-store" });
    if (response.status !== 503) return null; // one that wants a key for this works as well
    const { reasons } = (await response.json()) as Readiness;
    return { short: "Not ready", long: `The server is not ready: ${reasons.join("; ")}.` };
  } catch {
    return unreachable;
  }
}

/** Ask for the API key in a dialog whenever the server wants one; `given` may load what was refused. */
export function askForKeys(given: () => void): void {
  const dialog = byId("key-dialog", HTMLDialogElement);
  const field = byId("key", HTMLInputElement);
  const wrong = byId("key-wrong", HTMLElement);
  const again = byId("key-again", HTMLButtonElement);
  onKeyWanted(
    (refused) =>
      new Promise((resolve) => {
        field.value = "";
        dialog.returnValue = "";
        show(wrong, refused);
        dialog.onclose = () => {
          const key = dialog.returnValue === "use" ? field.value.trim() : "";
          show(again, !key); // the way back for who closed the dialog
          resolve(key || null);
        };
        dialog.showModal();
      }),
  );
  again.onclick = () => {
    mayAskAgain();
    given();
  };
}
