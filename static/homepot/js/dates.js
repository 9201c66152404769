// Dates the server wrote in UTC, in the reader's own zone.
const written = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function localiseDates(root = document) {
  for (const element of root.querySelectorAll("time[data-absolute][datetime]")) {
    if (!element.title) element.title = element.textContent;
    element.textContent = written.format(new Date(element.dateTime));
  }
}
