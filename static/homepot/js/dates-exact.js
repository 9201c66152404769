// Moments to the second that the server wrote in UTC, in the reader's own zone.
import { timeZone } from "./zone.js";

const written = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone,
});

export function localiseExact(root = document) {
  for (const element of root.querySelectorAll("time[data-exact][datetime]")) {
    if (!element.title) element.title = element.textContent;
    element.textContent = written.format(new Date(element.dateTime));
  }
}
