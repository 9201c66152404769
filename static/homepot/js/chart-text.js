// Everything of a chart that is text: what is read at the cursor, sums, the table, and what is told
// while there is nothing to draw. It keeps its room, so nothing moves when it changes.
import { keyClass } from "./chart-ink.js";
import { whenOf } from "./chart-plot.js";
import { quantity } from "./units.js";

function made(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  if (text) element.textContent = text;
  return element;
}

export function makeFrame(figure, { onKey, onAgain, onTable }) {
  const place = figure.querySelector(".chart__plot") ?? figure.appendChild(made("div", "chart__plot"));
  const title = figure.querySelector(".chart__title")?.textContent.trim() || figure.dataset.title || "Chart";
  place.tabIndex = 0;
  place.setAttribute("role", "group");
  place.setAttribute("aria-roledescription", "chart");
  place.setAttribute("aria-label", `${title}. The arrow keys read its values.`);
  place.addEventListener("keydown", onKey);

  const told = made("div", "chart__told");
  told.hidden = true;
  const stage = made("div", "chart__stage");
  place.before(stage);
  stage.append(place, told);

  const sums = figure.querySelector(".chart__sums") ?? made("ul", "chart__sums");
  const said = made("p", "visually-hidden");
  said.setAttribute("role", "status");
  const table = made("details", "chart__values");
  table.append(made("summary", "", "Values as a table"));
  table.addEventListener("toggle", () => table.open && onTable());
  stage.after(sums, said, table);
  const tip = made("div", "chart__tip");
  tip.hidden = true;
  return { figure, place, title, told, sums, said, table, tip, onAgain };
}

const SAYS = {
  empty: "Nothing was measured in this time.",
  failed: "The values could not be read.",
};

// busy, empty, failed, or nothing to tell.
export function tell(frame, state, why = "") {
  const { figure, told, onAgain } = frame;
  figure.toggleAttribute("aria-busy", false);
  if (state === "busy") figure.setAttribute("aria-busy", "true");
  figure.dataset.chartState = state || "drawn";
  told.hidden = !(state in SAYS);
  told.replaceChildren();
  if (told.hidden) return;
  told.append(made("p", "", state === "failed" && why ? `${SAYS.failed} ${why}` : SAYS[state]));
  if (state !== "failed") return;
  const again = made("button", "button button--small", "Try again");
  again.type = "button";
  again.addEventListener("click", onAgain);
  told.append(again);
}

// For each metric what the whole span came to.
export function showSums({ sums }, metrics, found) {
  const isAlone = metrics.length === 1;
  const lines = metrics.map(({ label, unit }, index) => {
    const line = made("li", "chart__sum");
    if (!isAlone) {
      line.append(made("span", keyClass(index)), made("strong", "chart__label", label));
    }
    const sum = found[index];
    const text = sum
      ? [["min", sum.min], ["mean", sum.mean], ["max", sum.max]]
          .map(([name, value]) => `${name} ${quantity(value, unit)}`)
          .join(" · ")
      : "no values";
    line.append(made("span", "chart__figures", text));
    return line;
  });
  sums.replaceChildren(...lines);
}

// `side` is where of the cursor there is room for it.
export function showReading({ tip, place }, reading, side) {
  const isHere = place.matches(":hover, :focus-visible");
  tip.hidden = !reading || !isHere;
  if (tip.hidden) return;
  tip.dataset.side = side;
  const rows = reading.rows.map(({ label, text, extremes, isGap }, index) => {
    const row = made("p", isGap ? "chart__row chart__row--gap" : "chart__row");
    if (reading.rows.length > 1) row.append(made("span", keyClass(index)), made("span", "", label), " ");
    row.append(made("strong", "", text));
    if (extremes) row.append(" ", made("span", "chart__extremes", extremes));
    return row;
  });
  tip.replaceChildren(made("p", "chart__when", reading.when), " ", ...rows);
}

// All values, the newest first: for readers of screens, and to be copied.
export function fillTable({ table, title }, chart, metrics) {
  const head = document.createElement("tr");
  const columns = metrics.flatMap(({ label }) =>
    metrics.length > 1 ? [label] : ["Mean", "Least", "Most"],
  );
  head.append(...["Time", ...columns].map((text) => Object.assign(made("th", "", text), { scope: "col" })));
  const body = document.createElement("tbody");
  for (let place = chart.length - 1; place >= 0; place -= 1) {
    if (chart.columns.every(({ avg }) => avg[place] === null)) continue;
    const row = body.insertRow();
    const when = Object.assign(made("th", "", whenOf(chart.from + place * chart.width, chart.width)), {
      scope: "row",
    });
    row.append(when);
    metrics.forEach(({ unit }, index) => {
      const { avg, min, max } = chart.columns[index];
      const shown = metrics.length > 1 ? [avg] : [avg, min, max];
      for (const values of shown) row.insertCell().textContent = quantity(values[place], unit);
    });
  }
  const grid = made("table", "chart__grid");
  grid.append(Object.assign(made("caption", "visually-hidden", title)), document.createElement("thead"), body);
  grid.tHead.append(head);
  const old = table.querySelector(".chart__scroll");
  const scroll = made("div", "chart__scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `Values of ${title}`);
  scroll.append(grid);
  if (!old) table.append(scroll);
  else old.replaceChildren(grid);
}
