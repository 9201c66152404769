// Long work of the reader's: enrolments, batches, exports. Asked for after a reload, followed live,
// and told by a toast when it ends; each line leads to its page.
import { get } from "./api.js";
import { icon, make } from "./dom.js";
import { live } from "./live.js";
import { toast } from "./toasts.js";

const FRAMES = ["enrolment_progress", "batch_updated", "export_updated"];
const KNOWN = "homepot.work"; // of this tab: what ran when it was last asked
const QUIET_MS = 60_000;
const SOON_MS = 900;
const POLL_MS = 4000;

let timer = 0;
let running = new Set();

export function startWorkTray() {
  if (!document.querySelector("[data-work]")) return;
  const { at = 0, ids = [] } = recall();
  running = new Set(ids);
  // A page that begins while nothing runs does not ask again at once.
  if (ids.length || Date.now() - at > QUIET_MS) soon(300);
  for (const kind of FRAMES) live.addEventListener(`frame:${kind}`, () => soon(SOON_MS));
  live.addEventListener("refetch", () => soon(SOON_MS));
}

function soon(delay) {
  timer ||= setTimeout(look, delay);
}

async function look() {
  timer = 0;
  let items;
  try {
    ({ items } = await get("/api/v1/work"));
  } catch {
    return; // the next frame or page asks again
  }
  const open = items.filter(({ finished_at: end }) => !end);
  for (const item of items) {
    if (item.finished_at && running.has(item.uid)) {
      toast(`${item.title}: ${item.label.toLowerCase()}`, { tone: item.tone, href: item.url });
    }
  }
  running = new Set(open.map(({ uid }) => uid));
  keep([...running]);
  show(items, open.length);
  if (open.some(({ state }) => state !== "paused") && !document.hidden) soon(POLL_MS);
}

function show(items, count) {
  for (const button of document.querySelectorAll("[data-work]")) {
    button.hidden = items.length === 0;
    button.dataset.running = count ? "true" : "false";
    button.title = count ? `Work in progress: ${count} running` : "Work that ended lately";
    button.querySelector("[data-work-label]").textContent = count || items.length;
    button.querySelector("[data-work-state]").textContent = count ? " running" : " ended lately";
  }
  const list = document.querySelector("[data-work-list]");
  list.replaceChildren(...items.map(line));
}

function line(item) {
  const { kind, title, label, tone, done, total, url } = item;
  const icons = { enrolment: "upload", batch: "terminal", export: "download" };
  const isOpen = !item.finished_at;
  return make(
    "li",
    {},
    make(
      "a",
      { class: "tray__item", href: url, "data-tone": tone },
      icon(icons[kind] ?? "clock"),
      make("span", { class: "tray__title" }, title),
      make("span", { class: "tray__label" }, isOpen && total ? `${label} · ${done} of ${total}` : label),
      isOpen ? make("progress", { class: "tray__bar", max: Math.max(total, 1), value: total ? done : null, "aria-label": title }) : null,
    ),
  );
}

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KNOWN) ?? "{}");
  } catch {
    return {};
  }
}

function keep(ids) {
  try {
    sessionStorage.setItem(KNOWN, JSON.stringify({ at: Date.now(), ids }));
  } catch {
    // Asked again by the next page.
  }
}
