// The colours of a chart are those of the page: read from it, and again when the theme changes.
const SERIES = ["a", "b", "c", "d", "e", "f"];

// A canvas knows no custom properties: an element that wears the colour tells what it comes to.
function probe(figure, name) {
  const worn = document.createElement("span");
  worn.className = `chart__ink chart__ink--${name}`;
  worn.hidden = true;
  figure.append(worn);
  return () => getComputedStyle(worn).color;
}

export function inkOf(figure) {
  const lines = SERIES.map((name) => probe(figure, name));
  const band = probe(figure, "band");
  const ink = (index) => ({ line: lines[index % lines.length](), band: band() });
  for (const name of ["text", "grid", "surface", "warn", "bad"]) ink[name] = probe(figure, name);
  ink.font = () => `11px ${getComputedStyle(figure).fontFamily}`;
  return ink;
}

export const keyClass = (index) => `chart__key chart__key--${SERIES[index % SERIES.length]}`;

export function onThemeChange(tell) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  new MutationObserver(tell).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
