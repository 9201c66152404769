// The command palette (Ctrl-K, ⌘K): pages, actions, and devices, relays, groups, sites and people
// by their names (GET /api/v1/palette). A dialogue with a combobox: the keyboard stays in the field.
import { get } from "./api.js";
import { icon, make } from "./dom.js";
import { actions } from "./palette-actions.js";
import { switchRelay } from "./palette-relays.js";
import { recentPlaces } from "./recent.js";
import { CONNECTIVITY } from "./words.js";

const TYPING_MS = 120;
const HEADINGS = { recent: "Recent", page: "Pages", action: "Actions", device: "Devices", relay: "Relays", group: "Groups", site: "Sites", person: "People" };
const ORDER = ["recent", "device", "relay", "page", "action", "group", "site", "person"];
const AT_FIRST = 8; // pages shown before anything is typed

let parts = null;
let pages = [];
let things = [];
let shown = [];
let at = 0;
let typing = 0;
let asked = "";

export async function openPalette() {
  parts ??= build();
  if (parts.dialog.open) return;
  parts.field.value = asked = "";
  things = [];
  parts.dialog.showModal();
  show();
  if (pages.length) return;
  pages = await ask("");
  show();
}

function build() {
  const field = make("input", { class: "palette__field", type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", "aria-label": "Go to a page, a device or an action", placeholder: "Go to a page, a device, an action…", autocomplete: "off", spellcheck: "false", maxlength: 80 });
  const list = make("div", { class: "palette__list", id: "palette-list", role: "listbox", "aria-label": "Results" });
  const told = make("p", { class: "visually-hidden", role: "status" });
  const foot = make("p", { class: "palette__foot", "aria-hidden": "true" }, key("↑"), key("↓"), " choose ", key("↵"), " open ", key("esc"), " close");
  const dialog = make("dialog", { class: "palette", "aria-label": "Command palette" }, make("div", { class: "palette__head" }, icon("search"), field), list, foot, told);
  document.body.append(dialog);
  field.addEventListener("input", () => {
    at = 0;
    show();
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_MS);
  });
  field.addEventListener("keydown", move);
  list.addEventListener("pointermove", ({ target }) => point(indexOf(target)));
  list.addEventListener("click", (event) => choose(shown[indexOf(event.target)], event.ctrlKey || event.metaKey));
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  return { dialog, field, list, told };
}

const key = (text) => make("kbd", {}, text);

async function search() {
  const text = parts.field.value.trim();
  const found = text ? await ask(text) : [];
  // An answer may come after the next letter was typed.
  if (parts.field.value.trim() !== text) return;
  asked = text;
  things = found;
  show();
  parts.told.textContent = shown.length ? `${shown.length} results` : "Nothing found";
}

async function ask(text) {
  try {
    return (await get(`/api/v1/palette?q=${encodeURIComponent(text)}`)).items;
  } catch {
    return [];
  }
}

function show() {
  const text = parts.field.value.trim();
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ title, detail = "" }) => words.every((word) => `${title} ${detail}`.toLowerCase().includes(word));
  const own = actions().map((action) => ({ kind: "action", ...action }));
  const known = words.length
    ? [...pages.filter(fits), ...own.filter(fits)]
    : [...recentPlaces().map((place) => ({ kind: "recent", ...place })), ...pages.slice(0, AT_FIRST), ...own.filter((action) => action.isFirst)];
  const all = [...known, ...things];
  shown = ORDER.flatMap((kind) => all.filter((entry) => entry.kind === kind));
  at = Math.min(at, Math.max(shown.length - 1, 0));
  parts.list.replaceChildren(...(shown.length ? groups() : [nothing(text)]));
  point(at);
}

function groups() {
  const kinds = ORDER.filter((kind) => shown.some((entry) => entry.kind === kind));
  return kinds.map((kind) => {
    const title = make("p", { class: "palette__title", id: `palette-${kind}`, role: "presentation" }, HEADINGS[kind]);
    const options = shown.flatMap((entry, index) => (entry.kind === kind ? [option(entry, index)] : []));
    return make("div", { role: "group", "aria-labelledby": `palette-${kind}` }, title, ...options);
  });
}

function option(entry, index) {
  const { kind, title, detail, state } = entry;
  const mark = kind === "device" && state in CONNECTIVITY
    ? make("span", { class: `chip chip--${state} palette__chip` }, make("span", { class: "chip__dot" }), CONNECTIVITY[state])
    : null;
  return make(
    "div",
    { class: "palette__option", id: `palette-option-${index}`, role: "option", "aria-selected": "false", "data-index": index },
    icon(entry.icon || "chevron"),
    make("span", { class: "palette__name" }, title),
    detail ? make("span", { class: "palette__detail" }, detail) : null,
    kind === "relay" ? make("span", { class: "palette__deed" }, entry.said ?? (entry.is_on ? "Switch off" : "Switch on")) : mark,
  );
}

function nothing(text) {
  const isWaiting = text !== asked;
  return make("p", { class: "palette__empty" }, isWaiting ? "Looking…" : `Nothing is called “${text}”.`);
}

const indexOf = (element) => Number(element.closest("[data-index]")?.dataset.index ?? -1);

function point(index) {
  if (index < 0 || index >= shown.length) {
    parts.field.removeAttribute("aria-activedescendant");
    return;
  }
  parts.list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
  at = index;
  const option = document.getElementById(`palette-option-${index}`);
  option.setAttribute("aria-selected", "true");
  parts.field.setAttribute("aria-activedescendant", option.id);
}

function move(event) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 };
  if (event.key in steps && shown.length) {
    event.preventDefault();
    const isFar = Math.abs(steps[event.key]) > 1;
    const next = at + steps[event.key];
    point(isFar ? Math.min(Math.max(next, 0), shown.length - 1) : (next + shown.length) % shown.length);
    document.getElementById(`palette-option-${at}`).scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(shown[at], event.ctrlKey || event.metaKey);
  }
}

function choose(entry, isElsewhere) {
  if (!entry) return;
  if (entry.kind === "relay") {
    switchRelay(entry, show);
  } else if (entry.act) {
    parts.dialog.close();
    entry.act();
  } else if (isElsewhere) {
    window.open(entry.url, "_blank", "noopener");
  } else {
    parts.dialog.close();
    location.assign(entry.url);
  }
}
