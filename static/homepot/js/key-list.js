// The list of keys (`?`); js/shell.js has them do what it says.
import { icon, make } from "./dom.js";
import { lettersAreOn, switchLetters } from "./keys.js";

const PLACES = [
  ["g o", "Overview"],
  ["g d", "Devices"],
  ["g g", "Groups"],
  ["g s", "Sites"],
  ["g c", "Commands"],
  ["g a", "Audit"],
];
const EVERYWHERE = [
  ["Ctrl K", "Command palette"],
  ["/", "Search of the page"],
  ["?", "This list"],
  ["Esc", "Close what is open"],
];
const IN_LISTS = [
  ["j", "Next row"],
  ["k", "Row before"],
  ["x", "Choose the row"],
  ["Enter", "Open the row"],
];

let dialog = null;

export function showKeys() {
  dialog ??= build();
  dialog.querySelector("[data-letters]").checked = lettersAreOn();
  dialog.showModal();
}

function build() {
  const close = make("button", { class: "button button--ghost button--icon", type: "button" }, icon("close"), make("span", { class: "visually-hidden" }, "Close"));
  const letters = make("input", { type: "checkbox", id: "keys-letters", "data-letters": true });
  const made = make(
    "dialog",
    { class: "dialog keys", "aria-labelledby": "keys-title" },
    make("div", { class: "dialog__head" }, make("h2", { id: "keys-title" }, "Keyboard shortcuts"), close),
    table("Everywhere", EVERYWHERE),
    table("Go to", PLACES),
    table("In the list of devices", IN_LISTS),
    make("label", { class: "keys__choice", for: "keys-letters" }, letters, "Single letters do something (off is better with dictation)"),
  );
  close.addEventListener("click", () => made.close());
  letters.addEventListener("change", () => switchLetters(letters.checked));
  made.addEventListener("click", ({ target }) => target === made && made.close());
  document.body.append(made);
  return made;
}

function table(title, rows) {
  const lines = rows.map(([keys, what]) =>
    make("div", { class: "keys__row" }, make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, what)),
  );
  return make("section", {}, make("h3", {}, title), make("dl", { class: "keys__list" }, ...lines));
}
