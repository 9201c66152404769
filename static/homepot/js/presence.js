// Connectivity and metrics of a device on the page, as they change.
import { setTime } from "./time.js";
import { CONNECTIVITY } from "./words.js";

const STEPS = ["B", "kB", "MB", "GB", "TB"];
const SAMPLES = 40;
const history = new Map();

export function showConnectivity(root, connectivity) {
  const chip = root.querySelector("[data-connectivity]");
  if (!chip || !(connectivity in CONNECTIVITY)) return;
  root.dataset.state = connectivity;
  chip.className = `chip chip--${connectivity}`;
  chip.dataset.connectivity = connectivity;
  chip.querySelector("[data-connectivity-label]").textContent = CONNECTIVITY[connectivity];
  const notice = root.querySelector("[data-offline-notice]");
  if (notice) notice.hidden = connectivity === "online";
}

export function showLastSeen(root, at) {
  setTime(root.querySelector("[data-last-seen] time"), at);
}

export function showMetrics(root, metrics) {
  for (const element of root.querySelectorAll("[data-metric]")) {
    const value = metrics[element.dataset.metric];
    if (Number.isFinite(value)) showMetric(element, value);
  }
}

// Unit, full bar and thresholds come with the element: ops/meters.py is where they are decided.
function showMetric(element, value) {
  const { unit, full, warn, bad } = element.dataset;
  element.querySelector("[data-metric-value]").textContent = written(value, unit);
  element.dataset.tone = bad && value >= bad ? "bad" : warn && value >= warn ? "warn" : "good";
  const fill = element.querySelector("[data-metric-fill]");
  if (fill && full) {
    fill.setAttribute("width", String(Math.min(Math.max((value / full) * 100, 0), 100)));
  }
  const spark = element.querySelector("[data-metric-spark]");
  if (spark) drawSpark(spark, element.dataset.metric, value);
}

function drawSpark(line, key, value) {
  const samples = history.get(key) ?? [];
  samples.push(value);
  if (samples.length > SAMPLES) samples.shift();
  history.set(key, samples);
  const top = Math.max(...samples, 1);
  const step = 100 / Math.max(samples.length - 1, 1);
  const points = samples.map((sample, at) => `${at * step},${19 - (sample / top) * 18}`);
  line.setAttribute("points", points.length > 1 ? points.join(" ") : "0,19 100,19");
}

export function written(value, unit) {
  if (unit === "percent") return `${value.toFixed(0)} %`;
  if (unit === "celsius") return `${value.toFixed(0)} °C`;
  let size = value;
  let step = 0;
  while (Math.abs(size) >= 1000 && step < STEPS.length - 1) {
    size /= 1000;
    step += 1;
  }
  return `${size >= 10 || step === 0 ? size.toFixed(0) : size.toFixed(1)} ${STEPS[step]}/s`;
}
