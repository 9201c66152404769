// The telemetry of one device: charts, what it says now, metrics picked to be seen side by side.
import "./charts.js";
import { localiseExact } from "./dates-exact.js";
import { live } from "./live.js";
import { chosen } from "./ranges.js";
import { refreshSoon } from "./refresh.js";
import { serverNow } from "./time.js";
import { quantity } from "./units.js";

const MOST = 6;
const page = document.querySelector("[data-telemetry]");
const { deviceUid } = page.dataset;

live.addEventListener("frame:metrics", ({ detail }) => {
  if (detail.device_uid !== deviceUid) return;
  for (const card of page.querySelectorAll("[data-metric]")) {
    const value = detail.metrics[card.dataset.metric];
    if (Number.isFinite(value)) showNow(card, value);
  }
  if (!page.querySelector("[data-chart]")) location.reload(); // its first report
});
// As the server writes it: whole percents and degrees, and the levels that are worth a worry.
function showNow(card, value) {
  const { unit, warn, bad } = card.dataset;
  const isWhole = unit === "percent" || unit === "celsius";
  card.querySelector("[data-metric-value]").textContent = quantity(isWhole ? Math.round(value) : value, unit);
  const tone = bad && value >= bad ? "bad" : warn && value >= warn ? "warn" : "good";
  card.dataset.tone = card.querySelector("[data-chart]").dataset.tone = tone;
}
// Small drawings of sensors are the server's to make.
document.addEventListener("ranges:changed", refreshSoon);

// The export holds what is shown.
function follow() {
  const link = document.querySelector("[data-export]");
  const span = chosen();
  const address = new URL(link.href);
  const iso = (at) => new Date(at * 1000).toISOString();
  address.searchParams.set("from", iso(span.from));
  address.searchParams.set("to", iso(span.to ?? serverNow() / 1000));
  link.href = address;
}
document.querySelector("[data-export]")?.addEventListener("pointerdown", follow);
document.addEventListener("ranges:changed", follow);

const form = document.querySelector("[data-compare]");
function count() {
  const boxes = [...form.querySelectorAll("[name=compare]")];
  const picked = boxes.filter(({ checked }) => checked).length;
  for (const box of boxes) box.disabled = !box.checked && picked >= MOST;
  const bar = form.querySelector("[data-compare-bar]");
  const isNews = boxes.some((box) => box.checked !== box.defaultChecked);
  bar.toggleAttribute("data-active", picked > 0 && isNews);
  bar.querySelector("button").disabled = picked < 2;
  form.querySelector("[data-compare-count]").textContent = picked
    ? `${picked} of at most ${MOST} metrics picked.`
    : "Tick up to six metrics to see them in one chart.";
}
if (form) {
  form.addEventListener("change", count);
  form.addEventListener("submit", () => {
    // The span is the one in the address, which may have changed since the page was made.
    const asked = new URLSearchParams(location.search);
    for (const name of ["range", "from", "to"]) {
      form.querySelector(`input[type=hidden][name=${name}]`)?.remove();
      if (!asked.get(name)) continue;
      const field = Object.assign(document.createElement("input"), { type: "hidden", name });
      field.value = asked.get(name);
      form.append(field);
    }
  });
  count();
}
localiseExact();
