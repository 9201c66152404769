// The menu: a drawer on narrow screens; wide ones keep it narrow or wide as its reader left it.
import { remember } from "./preferences.js";

const SCROLLED = "homepot.menu";
const root = document.documentElement;

export function startSidebar() {
  const sidebar = document.querySelector("[data-sidebar]");
  startDrawer(sidebar);
  startNarrowing();
  // Once the page stands: before that, asking where something is would lay it all out twice.
  requestAnimationFrame(() => setTimeout(() => keepPlace(sidebar)));
}

function startDrawer(sidebar) {
  const toggle = document.querySelector("[data-sidebar-toggle]");
  const scrim = document.querySelector("[data-sidebar-scrim]");
  const behind = document.querySelectorAll(".shell__main, .topbar");
  const set = (isOpen) => {
    sidebar.toggleAttribute("data-open", isOpen);
    scrim.hidden = !isOpen;
    for (const each of behind) each.inert = isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) sidebar.querySelector("a, button").focus();
  };
  toggle.addEventListener("click", () => set(!sidebar.hasAttribute("data-open")));
  scrim.addEventListener("click", () => set(false));
  // Made wide, the page has the menu beside it: nothing is behind a drawer any more.
  matchMedia("(min-width: 62rem)").addEventListener("change", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !sidebar.hasAttribute("data-open")) return;
    set(false);
    toggle.focus();
  });
}

function startNarrowing() {
  const button = document.querySelector("[data-sidebar-narrow]");
  if (!button) return;
  const show = () => button.setAttribute("aria-pressed", String(root.dataset.menu === "narrow"));
  show();
  button.addEventListener("click", () => {
    const isNarrow = root.dataset.menu !== "narrow";
    if (isNarrow) root.dataset.menu = "narrow";
    else delete root.dataset.menu;
    show();
    remember({ dashboard_settings: { sidebar: isNarrow ? "narrow" : null } });
  });
}

// A long menu does not jump back to its top with every page.
function keepPlace(sidebar) {
  const list = sidebar.querySelector(".sidebar__nav");
  try {
    list.scrollTop = Number(sessionStorage.getItem(SCROLLED) ?? 0);
    addEventListener("pagehide", () => sessionStorage.setItem(SCROLLED, String(list.scrollTop)));
  } catch {
    // It begins at its top.
  }
  const current = list.querySelector("[aria-current]");
  if (!current) return;
  const [box, frame] = [current.getBoundingClientRect(), list.getBoundingClientRect()];
  if (box.top < frame.top || box.bottom > frame.bottom) current.scrollIntoView({ block: "nearest" });
}
