// The list by keyboard: j and k move along the rows, x chooses one, Enter opens it.
import { toggle } from "./picking.js";

const TYPING = "input:not([type=checkbox]), select, textarea, dialog, [contenteditable], [role=listbox]";

export function startRowKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING)) return;
    if (document.querySelector("dialog[open]")) return;
    const row = document.activeElement?.closest("tr[data-device-uid]");
    if (event.key === "j" || event.key === "k") move(row, event.key === "j" ? 1 : -1);
    else if (event.key === "x" && row) toggle(row);
    else if (event.key === "Enter" && row && document.activeElement === row) open(row);
    else return;
    event.preventDefault();
  });
}

function move(row, step) {
  const rows = [...document.querySelectorAll("tr[data-device-uid]")];
  const at = rows.indexOf(row);
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function open(row) {
  row.querySelector(".device-row__name")?.click();
}
