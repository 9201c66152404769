// The timeline of a device: new entries come in at the top, older ones at the end, nothing is
// shown twice. The server renders every entry; what is fetched is merged by the entries' names.
import { announce } from "./announce.js";
import { live } from "./live.js";

const QUIET_MS = 500;
const AT_MOST_EVERY_MS = 2000;
const FRESH_MS = 6000;
const FRAMES = [
  "command_updated", "presence", "presence_changed", "device_state", "device_updated",
  "sensor_state", "twin_changed", "config_changed", "ir_codes_changed",
];

const story = document.querySelector("[data-story]");
const of = story?.dataset.storyLive;
let timer = 0;
let lastAt = 0;

function isAbout({ device_uid: device, command, devices }) {
  return device === of || command?.device_uid === of || devices?.includes(of);
}

function soon() {
  if (timer) return;
  timer = setTimeout(follow, Math.max(QUIET_MS, lastAt + AT_MOST_EVERY_MS - Date.now()));
}

async function fetched(address) {
  const response = await fetch(address, { credentials: "same-origin" });
  if (!response.ok || response.redirected) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function follow() {
  timer = 0;
  lastAt = Date.now();
  try {
    const fresh = await fetched(location.href);
    if (fresh) merge(fresh);
  } catch {
    soon(); // the link is down; the banner says so
  }
}

const entriesIn = (root) => [...root.querySelectorAll("[data-entry]")];
const named = (root, uid) => root.querySelector(`[data-entry="${CSS.escape(uid)}"]`);

function merge(fresh) {
  const next = fresh.querySelector("[data-story]");
  if (!next) return;
  document.querySelector("[data-story-empty]")?.remove();
  const meets = entriesIn(next).some(({ dataset }) => named(story, dataset.entry));
  if (!meets) {
    // More happened than a page holds: what is shown would have a gap.
    story.replaceChildren(...next.children);
    const older = fresh.querySelector("[data-story-more]");
    if (older) document.querySelector("[data-story-more]").replaceWith(older);
    return;
  }
  let added = 0;
  for (const entry of entriesIn(next).reverse()) {
    const shown = named(story, entry.dataset.entry);
    if (!shown) {
      place(entry);
      added += 1;
    } else if (!shown.isEqualNode(entry) && !shown.contains(document.activeElement)) {
      keepOpen(shown, entry);
      shown.replaceWith(entry);
    }
  }
  for (const day of next.querySelectorAll("[data-day]")) {
    const heading = dayNamed(day.dataset.day)?.querySelector(".story__heading");
    if (heading) heading.textContent = day.querySelector(".story__heading").textContent;
  }
  if (added) announce(added === 1 ? "One new entry" : `${added} new entries`);
}

function keepOpen(shown, entry) {
  const isOpen = shown.querySelector("details")?.open;
  const details = entry.querySelector("details");
  if (isOpen && details) details.open = true;
}

const dayNamed = (day) => story.querySelector(`[data-day="${CSS.escape(day)}"]`);

// Oldest first: each goes before the first shown entry of its day that is not newer.
function place(entry) {
  const { day } = entry.closest("[data-day]").dataset;
  const origin = entry.closest("[data-day]");
  const at = entry.querySelector("time").dateTime;
  let section = dayNamed(day);
  if (!section) {
    section = origin.cloneNode(true);
    section.querySelector("ol").replaceChildren();
    const later = [...story.querySelectorAll("[data-day]")].find((each) => each.dataset.day < day);
    story.insertBefore(section, later ?? null);
  }
  const list = section.querySelector("ol");
  const after = [...list.children].find((each) => each.querySelector("time").dateTime <= at);
  list.insertBefore(entry, after ?? null);
  entry.dataset.fresh = "";
  setTimeout(() => delete entry.dataset.fresh, FRESH_MS);
}

async function loadOlder(link) {
  if (link.getAttribute("aria-busy") === "true") return;
  link.setAttribute("aria-busy", "true");
  try {
    const page = await fetched(link.href);
    const next = page?.querySelector("[data-story]");
    if (!next) {
      location.assign(link.href);
      return;
    }
    const first = append(next);
    document.querySelector("[data-story-more]").replaceWith(page.querySelector("[data-story-more]"));
    first?.setAttribute("tabindex", "-1");
    first?.focus({ preventScroll: true });
  } catch {
    link.removeAttribute("aria-busy");
    announce("Older entries could not be loaded. Try again.");
  }
}

function append(next) {
  const added = entriesIn(next).filter(({ dataset }) => !named(story, dataset.entry));
  for (const day of [...next.querySelectorAll("[data-day]")]) {
    const section = dayNamed(day.dataset.day);
    if (!section) story.append(day);
    else section.querySelector("ol").append(...day.querySelectorAll("[data-entry]"));
  }
  announce(`${added.length} older entries`);
  return added[0];
}

if (of) {
  live.addEventListener("refetch", soon);
  for (const kind of FRAMES) {
    live.addEventListener(`frame:${kind}`, ({ detail }) => isAbout(detail) && soon());
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-story-older]");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (!link || !isPlain) return;
  event.preventDefault();
  loadOlder(link);
});

for (const form of document.querySelectorAll("[data-story-filter]")) {
  form.addEventListener("change", ({ target }) => {
    if (target.type === "checkbox") form.requestSubmit();
  });
}
