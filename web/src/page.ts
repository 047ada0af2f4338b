// The page is a client of the public API and nothing else. This file joins its parts.

import { askForKeys, watchHealth } from "./health";
import { Refusal } from "./api";
import { KnowledgeEditor } from "./editor";
import { Intake } from "./intake";
import { JobList } from "./jobs";
import { readHierarchy, type Hierarchy } from "./knowledge";
import { clearNotice, tell, tellRefusal } from "./notice";
import { ResultView } from "./result";
import { HierarchyTree } from "./tree";

let hierarchy: Hierarchy | null = null;

askForKeys(loadLists);
const editor = new KnowledgeEditor(() => void refreshHierarchy());
const tree = new HierarchyTree((leafId) => void editor.open(leafId));
const result = new ResultView(() => hierarchy, (hits) => tree.setHits(hits));
const jobs = new JobList((id) => openJob(id));
const intake = new Intake({
  picture: (file, answer) => {
    history.replaceState(null, "", location.pathname);
    result.showPicture(file, answer);
    result.focus();
  },
  report: async (job, report) => {
    await result.showReport(job, report);
    result.focus();
  },
  changed: () => void jobs.refresh(),
  started: () => {
    clearNotice();
    result.clear();
  },
  failed: tellRefusal,
  cancelled: (name) => tell("Cancelled", `${name || "The clip"} was stopped. There is no report of it.`),
});

/** A job has an address, so that it can be sent to a colleague and survives a reload. */
function openJob(id: string): void {
  if (location.hash === `#job=${id}`) void intake.open(id);
  else location.hash = `job=${id}`;
}

function openAddress(): void {
  const id = /^#job=([\w-]+)$/.exec(location.hash)?.[1];
  if (id) void intake.open(id);
}

function loadLists(): void {
  void refreshHierarchy();
  void jobs.refresh();
}

async function refreshHierarchy(): Promise<void> {
  try {
    hierarchy = await readHierarchy();
    tree.setHierarchy(hierarchy);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const wanted = error.problem.status === 401;
    tree.setTrouble(wanted ? "Enter an API key to see the descriptions." : "The descriptions cannot be read now.");
  }
}

window.addEventListener("hashchange", openAddress);
watchHealth(loadLists);
loadLists();
openAddress();
