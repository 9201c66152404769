// The first page: follows the fleet, and reads the trends under the pointer.
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";

const FOLLOWED = [
  "presence_changed", "device_added", "device_removed", "device_updated", "site_outage", "twin_changed",
];
const FAILED = new Set(["failed", "rejected", "expired"]);
const connectivity = new Map(); // device -> as the last frame had it

// A device that only says it is still there changes no number on this page.
function followPresence({ detail }) {
  const before = connectivity.get(detail.device_uid);
  connectivity.set(detail.device_uid, detail.connectivity);
  if (before !== detail.connectivity) refreshSoon();
}

function followFleet() {
  live.addEventListener("refetch", refreshSoon);
  live.addEventListener("frame:presence", followPresence);
  for (const kind of FOLLOWED) live.addEventListener(`frame:${kind}`, refreshSoon);
  live.addEventListener("frame:command_updated", ({ detail }) => {
    if (FAILED.has(detail.command.state)) refreshSoon();
  });
  // The first device brings the whole page, the last one takes it along.
  document.addEventListener("page:refreshed", ({ detail }) => {
    const [mine, fresh] = [document, detail.fresh].map((at) => at.querySelector("[data-overview]"));
    if (fresh && mine.hasAttribute("data-empty") !== fresh.hasAttribute("data-empty")) location.reload();
  });
}

// What is under the pointer is read from the table below, which has the same numbers.
function followPointer() {
  document.addEventListener("pointermove", ({ target, clientX }) => {
    const plot = target.closest?.(".trend__plot svg");
    if (!plot) return forgetCursor();
    const box = plot.getBoundingClientRect();
    const steps = plot.viewBox.baseVal.width;
    showStep(Math.min(steps - 1, Math.max(0, Math.floor(((clientX - box.left) / box.width) * steps))), steps);
  });
}

let shown = -1;

function showStep(step, steps) {
  if (step === shown) return;
  shown = step;
  for (const cursor of document.querySelectorAll("[data-trend-cursor]")) {
    cursor.setAttribute("x1", step + 0.5);
    cursor.setAttribute("x2", step + 0.5);
  }
  const said = document.querySelector("[data-trend-said]");
  said.dataset.rest ??= said.textContent;
  said.textContent = sentenceOf(step, steps) ?? "No tally was taken then.";
}

function sentenceOf(step, steps) {
  const [titles, ...rows] = document.querySelectorAll(".trends__table tr");
  const row = rows.find(({ dataset }) => Number(dataset.step) === step);
  if (!row || step >= steps) return null;
  const [at, ...values] = [...row.children].map(({ textContent }) => textContent.trim());
  const names = [...titles.children].slice(1).map(({ textContent }) => textContent.trim().toLowerCase());
  return `${at}: ${values.map((value, index) => `${value} ${names[index]}`).join(", ")}`;
}

function forgetCursor() {
  if (shown < 0) return;
  shown = -1;
  for (const cursor of document.querySelectorAll("[data-trend-cursor]")) {
    cursor.setAttribute("x1", -1);
    cursor.setAttribute("x2", -1);
  }
  const said = document.querySelector("[data-trend-said]");
  if (said?.dataset.rest) said.textContent = said.dataset.rest;
}

followFleet();
followPointer();
