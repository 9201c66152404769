// The span of time a page shows: in the address, so that a reload and a link show the same.
// `ranges:changed` on the document says that another one was chosen. Without a script the choices
// are links and a form.
import { serverNow } from "./time.js";

const LENGTHS_S = { "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800, "30d": 2592000 };
const bar = document.querySelector("[data-ranges]");
const fallback = bar?.dataset.default ?? "24h";
const two = (number) => String(number).padStart(2, "0");

// {name, from, to} in seconds; `to` is null where the span ends now and moves on.
export function chosen(own = "") {
  const asked = new URLSearchParams(location.search);
  const [from, to] = ["from", "to"].map((name) => Date.parse(asked.get(name) ?? "") / 1000);
  if (!own && Number.isFinite(from) && Number.isFinite(to) && from < to) {
    return { name: "", from, to };
  }
  const named = own || asked.get("range");
  const name = named in LENGTHS_S ? named : fallback;
  return { name, from: serverNow() / 1000 - LENGTHS_S[name], to: null };
}

export const canChoose = Boolean(bar);

// Show the time between two moments, in seconds.
export function choose(from, to) {
  const iso = (at) => new Date(Math.round(at) * 1000).toISOString().replace(".000Z", "Z");
  go({ from: iso(from), to: iso(to) });
}

function go(wanted) {
  const address = new URL(location.href);
  for (const name of ["range", "from", "to"]) address.searchParams.delete(name);
  for (const [name, value] of Object.entries(wanted)) address.searchParams.set(name, value);
  history.pushState(null, "", address);
  show();
  document.dispatchEvent(new CustomEvent("ranges:changed"));
}

function local(seconds) {
  const at = new Date(seconds * 1000);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

// What the choices and the links that go by them say.
function show() {
  const now = chosen();
  for (const link of bar.querySelectorAll("[data-range]")) {
    if (link.dataset.range === now.name) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const own = bar.querySelector("[data-own-range]");
  own?.toggleAttribute("data-chosen", !now.name);
  for (const name of ["from", "to"]) {
    const input = own?.querySelector(`[name=${name}]`);
    if (input) input.value = local(now[name] ?? serverNow() / 1000);
  }
  for (const link of document.querySelectorAll("a[data-follow-range]")) {
    const address = new URL(link.href);
    const asked = new URLSearchParams(location.search);
    for (const name of ["range", "from", "to"]) {
      address.searchParams.delete(name);
      if (asked.get(name)) address.searchParams.set(name, asked.get(name));
    }
    link.href = address;
  }
}

function start() {
  bar.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-range]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go({ range: link.dataset.range });
  });
  const form = bar.querySelector("form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const [from, to] = ["from", "to"].map((name) => Date.parse(form.elements[name].value) / 1000);
    const problem = form.querySelector("[data-range-problem]");
    problem.hidden = from < to;
    if (!(from < to)) return;
    form.closest("details").open = false;
    choose(from, to);
  });
  const own = bar.querySelector("[data-own-range]");
  document.addEventListener("pointerdown", ({ target }) => {
    if (own?.open && !own.contains(target)) own.open = false;
  });
  own?.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !own.open) return;
    own.open = false;
    own.querySelector("summary").focus();
  });
  addEventListener("popstate", () => {
    show();
    document.dispatchEvent(new CustomEvent("ranges:changed"));
  });
  const zone = form?.querySelector("[data-range-zone]");
  if (zone) zone.textContent = new Intl.DateTimeFormat().resolvedOptions().timeZone || "your time";
  show();
}

if (bar && "scripted" in bar.dataset) start();
