// A short word about something that happened elsewhere; it leaves by itself, not while it is read.
//   toast("Export ready", { tone: "good", href: "/dashboard/exports", link: "Open" })
import { icon, make } from "./dom.js";

const SHOWN_MS = 7000;
const AT_MOST = 4;
const ICONS = { good: "check", bad: "alert", warn: "alert", idle: "info" };

export function toast(text, { tone = "idle", href = "", link = "Show" } = {}) {
  const close = make("button", { class: "button button--ghost button--icon flash__close", type: "button", title: "Close" }, icon("close"), make("span", { class: "visually-hidden" }, "Close"));
  const shown = make(
    "div",
    { class: "flash", "data-tone": tone },
    icon(ICONS[tone] ?? "info"),
    make("p", { class: "flash__text" }, text),
    href ? make("a", { class: "flash__link", href }, link) : null,
    close,
  );
  close.addEventListener("click", () => shown.remove());
  leaveLater(shown);
  const list = region();
  list.append(shown);
  while (list.children.length > AT_MOST) list.firstElementChild.remove();
}

function region() {
  const known = document.querySelector("[data-flashes]");
  if (known) return known;
  const list = make("div", { class: "flashes", role: "status", "aria-live": "polite", "data-flashes": true });
  document.body.append(list);
  return list;
}

function leaveLater(shown) {
  let timer = setTimeout(() => shown.remove(), SHOWN_MS);
  for (const stay of ["pointerenter", "focusin"]) {
    shown.addEventListener(stay, () => clearTimeout(timer));
  }
  for (const leave of ["pointerleave", "focusout"]) {
    shown.addEventListener(leave, () => {
      clearTimeout(timer);
      timer = setTimeout(() => shown.remove(), SHOWN_MS);
    });
  }
}
