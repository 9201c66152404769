// The page without a server: what was last known, as words. There is nothing to press but "again".
import { lastKnown } from "./last-known.js";

const list = document.querySelector("[data-last-known]");
const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function card({ name, connectivity, switches }) {
  const item = element("li", "known");
  const head = element("p", "known__head");
  head.append(element("strong", "known__name", name), element("span", "known__state", `was ${connectivity.toLowerCase()}`));
  item.append(head);
  const rows = element("ul", "known__switches");
  for (const { name: called, isOn } of switches) {
    const word = isOn === null ? "unknown" : isOn ? "was on" : "was off";
    const row = element("li", "known__switch");
    row.append(element("span", "", called), element("span", "known__word", word));
    rows.append(row);
  }
  if (switches.length) item.append(rows);
  return item;
}

const known = lastKnown();
if (known?.devices?.length) {
  document.querySelector("[data-known]").hidden = false;
  document.querySelector("[data-known-at]").textContent = when.format(new Date(known.at));
  list.append(...known.devices.map(card));
}
document.querySelector("[data-again]").addEventListener("click", () => location.reload());
addEventListener("online", () => location.reload());
// A network that says it is there may not reach the server yet.
setInterval(async () => {
  if (!navigator.onLine) return;
  const answer = await fetch("/health", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) location.reload();
}, 3000);
