// Dates the server wrote in UTC, in the reader's own zone.
import { timeZone } from "./zone.js";

const written = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone,
});

export function localiseDates(root = document) {
  for (const element of root.querySelectorAll("time[data-absolute][datetime]")) {
    if (!element.title) element.title = element.textContent;
    element.textContent = written.format(new Date(element.dateTime));
  }
}
