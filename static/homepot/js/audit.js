// The stream of the audit log, kept at its newest end: the server renders it again, and what is
// new is marked for a moment.
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";

const EVERY_MS = 5000;
const MARKED_MS = 4000;

const ids = () => new Set([...document.querySelectorAll("[data-entry]")].map(({ id }) => id));
let known = ids();

function mayFollow() {
  return document.visibilityState === "visible" && document.querySelector("[data-live-trail]");
}

const follow = () => mayFollow() && refreshSoon();

// Most changes come with a frame of their own; those without one are seen a little later.
for (const kind of ["device_state", "command_updated", "presence_changed", "device_removed"]) {
  live.addEventListener(`frame:${kind}`, follow);
}
live.addEventListener("refetch", follow);
setInterval(follow, EVERY_MS);
document.addEventListener("visibilitychange", follow);

document.addEventListener("page:refreshed", () => {
  for (const entry of document.querySelectorAll("[data-entry]")) {
    if (known.has(entry.id)) continue;
    entry.dataset.new = "";
    setTimeout(() => delete entry.dataset.new, MARKED_MS);
  }
  known = ids();
});

// One menu at a time, and none left open behind the reader's back.
for (const menu of document.querySelectorAll("[data-menu]")) {
  document.addEventListener("click", ({ target }) => {
    if (menu.open && !menu.contains(target)) menu.open = false;
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
