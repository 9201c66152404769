// Relative times that stay true: `12 min ago`, absolute in the title, in the reader's own zone.
import { timeZone } from "./zone.js";

const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const absolute = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
  timeZone,
});

// Server minus browser clock; devices and people must not look late because of a wrong clock.
let skew = 0;

export function trustServerTime(iso) {
  const server = Date.parse(iso);
  if (!Number.isNaN(server)) skew = server - Date.now();
}

export const serverNow = () => Date.now() + skew;

export function since(iso) {
  const seconds = Math.floor((Date.now() + skew - Date.parse(iso)) / 1000);
  if (seconds < 5) return "just now";
  const [size, unit] = STEPS.find(([step]) => seconds >= step);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

export function setTime(element, iso) {
  if (!element) return;
  if (!iso) {
    element.removeAttribute("datetime");
    element.textContent = element.dataset.missing ?? "Never";
    return;
  }
  element.setAttribute("datetime", iso);
  element.title = absolute.format(new Date(iso));
  write(element, since(iso));
}

export function timeElement(iso) {
  const element = document.createElement("time");
  element.dataset.relative = "";
  setTime(element, iso);
  return element;
}

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-relative][datetime]")) {
    element.title = absolute.format(new Date(element.dateTime));
    write(element, since(element.dateTime));
  }
}

export function startTimes() {
  refreshTimes();
  setInterval(() => {
    if (!document.hidden) refreshTimes();
  }, 1000);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
