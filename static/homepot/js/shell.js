// What every page behind the login has: theme, times, the menu, the state of the live link.
import { localiseDates } from "./dates.js";
import { live } from "./live.js";
import { startThemeChoice } from "./theme.js";
import { startTenantSwitch } from "./tenant-switch.js";
import { startTimes } from "./time.js";

const BANNER_AFTER_MS = 2000;
const LABELS = { live: "Live", connecting: "Connecting", down: "Paused", ended: "Logged out" };

function startMenu() {
  const sidebar = document.querySelector("[data-sidebar]");
  const toggle = document.querySelector("[data-sidebar-toggle]");
  const scrim = document.querySelector("[data-sidebar-scrim]");
  const set = (isOpen) => {
    sidebar.toggleAttribute("data-open", isOpen);
    scrim.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) sidebar.querySelector("a, button").focus();
  };
  toggle.addEventListener("click", () => set(!sidebar.hasAttribute("data-open")));
  scrim.addEventListener("click", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !sidebar.hasAttribute("data-open")) return;
    set(false);
    toggle.focus();
  });
}

function startLinkState() {
  const banner = document.querySelector("[data-link-down]");
  const text = banner.querySelector("[data-link-down-text]");
  const login = banner.querySelector("[data-link-down-login]");
  let late = 0;
  live.addEventListener("link", ({ detail: { state } }) => {
    for (const mark of document.querySelectorAll("[data-live-mark]")) {
      mark.dataset.state = state;
      mark.querySelector("[data-live-label]").textContent = LABELS[state];
    }
    if (state === "live") {
      clearTimeout(late);
      late = 0;
      banner.hidden = true;
    } else if (state === "ended") {
      text.textContent = "Your session has ended.";
      login.href = `${login.pathname}?next=${encodeURIComponent(location.pathname)}`;
      login.hidden = false;
      banner.hidden = false;
    } else if (!late) {
      // A blink of the link is not worth a banner.
      late = setTimeout(() => (banner.hidden = false), BANNER_AFTER_MS);
    }
  });
}

function startCopyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = button.parentElement.querySelector("[data-copy-source]");
      await navigator.clipboard.writeText(source.textContent);
      announce("Copied");
    });
  }
}

export function announce(sentence) {
  const region = document.querySelector("[data-announcer]");
  if (region) region.textContent = sentence;
}

startThemeChoice();
startTimes();
localiseDates();
document.addEventListener("page:refreshed", () => localiseDates());
startMenu();
startTenantSwitch();
startLinkState();
startCopyButtons();
// The page's own script must listen before the first frame arrives.
const rendered = document.querySelector("[data-streams]").dataset.streams;
document.addEventListener("DOMContentLoaded", () => live.start(JSON.parse(rendered || "{}")));
