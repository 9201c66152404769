// Charts of what was measured over time, from the APIs, live, and honest about what is missing.
//
// A page loads this module (`<script type="module" src="{% static 'homepot/js/charts.js' %}">`) and
// writes, anywhere, now or later (`startCharts(root)` for what is added by a script):
//
//   <figure class="chart" data-chart data-src="/api/v1/devices/<uid>/metrics"
//           data-metrics="cpu_percent memory_percent" data-labels="CPU|Memory"
//           data-units="percent|percent" data-live="<uid>"
//           data-full="100" data-warn="80" data-bad="95">
//     <figcaption class="chart__head"><h3 class="chart__title">CPU</h3></figcaption>
//     <div class="chart__plot"> what is shown until the script has drawn, e.g. an <svg> </div>
//   </figure>
//
// data-src      the address that answers {from, to, bucket_seconds, series: [{metric, label?, unit?,
//               buckets: [{at, avg, min?, max?, count?}]}]}; a bucket that is missing, or whose avg
//               is null, is a gap. Other APIs (trends of the fleet) answer in the same shape.
// data-metrics  asks a device for these metrics (one request for all charts of a page); left out,
//               the address is asked as it is and every series of the answer is drawn.
// data-by       span (default): from, to, points are added to the address; range: range=24h; as-is.
// data-range    a span of its own (1h 6h 24h 7d 30d); left out, the page's (ranges.js, the address).
// data-labels, data-units   one for each metric, with | in between. Units: percent, celsius,
//               bytes_per_second, count, seconds, or any text that is written after the number.
// data-live     uid of a device whose `metrics` frames are taken in as they come.
// data-full     where the axis ends; data-warn, data-bad: levels drawn as lines (one metric only).
// data-title    the name for readers of screens where there is no .chart__title.
//
// Give .chart__plot no height of its own: the classes chart--small and chart--tall choose. The rest
// (readout, sum, table of values, what is told while it loads, is empty or fails) is made here.
import { append, step, summary, windowOf } from "./chart-data.js";
import { columnsOf, plot, readingAt } from "./chart-plot.js";
import { inkOf, onThemeChange } from "./chart-ink.js";
import { read } from "./chart-source.js";
import { fillTable, makeFrame, showReading, showSums, tell } from "./chart-text.js";
import { live } from "./live.js";
import { canChoose, choose, chosen } from "./ranges.js";

const HEAL_AFTER_MS = 30000; // how long what came live stands before the server is asked for it
const LEAST_POINTS = 120;
const MOST_POINTS = 500;
const charts = new Map(); // figure -> Chart
const words = (text) => (text ? text.split("|").map((word) => word.trim()) : []);

class Chart {
  #figure;
  #frame;
  #plot = null;
  #data = null;
  #span = null;
  #asked = 0;
  #heal = 0;
  #place = null;
  #isDirty = false;
  isSeen = false;

  constructor(figure) {
    const { metrics = "", labels, units, unit = "" } = figure.dataset;
    const names = metrics.split(" ").filter(Boolean);
    this.#figure = figure;
    this.asked = names;
    this.metrics = names.map((name, at) => ({
      name, label: words(labels)[at] ?? name, unit: words(units)[at] ?? unit,
    }));
    this.#frame = makeFrame(figure, {
      onKey: (event) => this.#key(event),
      onAgain: () => this.load(),
      onTable: () => this.#table(),
    });
    new ResizeObserver(() => this.#resize()).observe(this.#frame.place);
  }

  get isConnected() {
    return this.#figure.isConnected;
  }

  async load() {
    const mine = ++this.#asked;
    const { src, range = "", by = "span" } = this.#figure.dataset;
    const span = chosen(range);
    clearTimeout(this.#heal);
    this.#heal = 0;
    if (!this.#data || span.name !== this.#span?.name) tell(this.#frame, "busy");
    const wide = this.#frame.place.clientWidth;
    const points = Math.min(Math.max(Math.round(wide / 2), LEAST_POINTS), MOST_POINTS);
    try {
      const answer = await read({ src, metrics: this.asked, span, points, by });
      if (mine !== this.#asked) return;
      this.#span = span;
      this.#take(answer);
    } catch (error) {
      if (mine === this.#asked) tell(this.#frame, "failed", error.message);
    }
  }

  #take(answer) {
    if (!this.asked.length) this.#name(answer.series ?? []);
    this.#data = windowOf(answer, this.metrics.map(({ name }) => name));
    this.#draw();
  }

  // What the answer calls its series, where the page does not say which it wants.
  #name(series) {
    const { labels, units, unit = "" } = this.#figure.dataset;
    const found = series.map((one, at) => ({
      name: one.metric,
      label: one.label ?? words(labels)[at] ?? one.metric,
      unit: one.unit ?? words(units)[at] ?? unit,
    }));
    const isSame = JSON.stringify(found) === JSON.stringify(this.metrics);
    if (!isSame) this.#forgetPlot();
    this.metrics = found;
  }

  #draw() {
    const sums = this.#data.columns.map(summary);
    const isEmpty = sums.every((sum) => sum === null);
    tell(this.#frame, isEmpty ? "empty" : "");
    showSums(this.#frame, this.metrics, sums);
    if (this.#frame.table.open) this.#table();
    if (isEmpty && !this.#plot) return;
    this.#plot ??= this.#makePlot();
    this.#plot.setData(columnsOf(this.#data));
    if (this.#place !== null) this.#show(this.#place);
  }

  #makePlot() {
    const { full, warn, bad, zoom } = this.#figure.dataset;
    const number = (text) => (text ? Number(text) : undefined);
    this.#frame.place.replaceChildren();
    const made = plot({
      place: this.#frame.place,
      metrics: this.metrics,
      limits: { full: number(full), warn: number(warn), bad: number(bad) },
      ink: inkOf(this.#figure),
      getChart: () => this.#data,
      sync: this.#figure.dataset.range ? "" : "page",
      onCursor: (place) => this.#show(place),
      onZoom: canChoose && zoom !== "no" && !this.#figure.dataset.range ? choose : null,
    });
    made.root.querySelector(".u-cursor-x").append(this.#frame.tip);
    return made;
  }

  #forgetPlot() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  // A frame of the live link: drawn with the next picture of the screen, once for all that came.
  take(at, values) {
    if (!this.#data || this.#span?.to !== null) return;
    if (!append(this.#data, at, values)) return;
    this.#isDirty = true;
    this.#heal ||= setTimeout(() => this.load(), HEAL_AFTER_MS);
    soon();
  }

  drawIfDirty() {
    if (!this.#isDirty || !this.isSeen) return;
    this.#isDirty = false;
    this.#draw();
  }

  redraw() {
    this.#plot?.redraw(false);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#frame.place;
    if (!this.#plot || !width || !height) return;
    if (this.#plot.width !== width || this.#plot.height !== height) this.#plot.setSize({ width, height });
  }

  #show(place) {
    this.#place = place;
    const reading = place === null || !this.#data ? null : readingAt(this.#data, this.metrics, place);
    const isLeft = reading && place > this.#data.length / 2;
    showReading(this.#frame, reading, isLeft ? "left" : "right");
  }

  #key(event) {
    if (!this.#plot || !this.#data) return;
    const { columns, length } = this.#data;
    const far = event.shiftKey ? 10 : 1;
    const from = { ArrowLeft: this.#place ?? length, ArrowRight: this.#place ?? -1, Home: -1, End: length };
    if (event.key === "Escape") {
      this.#plot.setCursor({ left: -10, top: -10 });
      return;
    }
    if (!(event.key in from)) return;
    event.preventDefault();
    const direction = event.key === "ArrowRight" || event.key === "Home" ? 1 : -1;
    let place = from[event.key];
    for (let count = 0; count < far; count += 1) place = step(columns, place, direction, length);
    if (place < 0 || place >= length) return;
    const x = this.#data.from + (place + 0.5) * this.#data.width;
    this.#plot.setCursor({ left: this.#plot.valToPos(x, "x"), top: 0 });
    this.#frame.said.textContent = this.#frame.tip.textContent;
  }

  #table() {
    if (this.#data) fillTable(this.#frame, this.#data, this.metrics);
  }
}

let timer = 0;
function soon() {
  timer ||= requestAnimationFrame(() => {
    timer = 0;
    for (const chart of charts.values()) chart.drawIfDirty();
  });
}

const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get(target);
      if (!chart) continue;
      const isNew = isIntersecting && !chart.wasSeen;
      chart.isSeen = isIntersecting;
      chart.wasSeen ||= isIntersecting;
      if (isNew) chart.load();
      else if (isIntersecting) soon();
    }
  },
  { rootMargin: "200px" },
);

// Make charts of the figures in here that are none yet; forget those that left the page.
export function startCharts(root = document) {
  for (const [figure, chart] of charts) {
    if (chart.isConnected) continue;
    sight.unobserve(figure);
    charts.delete(figure);
  }
  for (const figure of root.querySelectorAll("[data-chart]")) {
    if (charts.has(figure)) continue;
    charts.set(figure, new Chart(figure));
    sight.observe(figure);
  }
}

function loadAgain() {
  for (const chart of charts.values()) {
    if (chart.isSeen) chart.load();
    else chart.wasSeen = false;
  }
}

live.addEventListener("frame:metrics", ({ detail }) => {
  for (const [figure, chart] of charts) {
    if (figure.dataset.live === detail.device_uid) chart.take(Date.parse(detail.at) / 1000, detail.metrics);
  }
});
live.addEventListener("refetch", loadAgain);
document.addEventListener("ranges:changed", loadAgain);
document.addEventListener("page:refreshed", () => startCharts());
onThemeChange(() => {
  for (const chart of charts.values()) chart.redraw();
});
startCharts();
