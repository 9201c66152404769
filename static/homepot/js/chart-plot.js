// How a chart is drawn: the options of uPlot, its inks from the page's tokens, its readout.
import uPlot from "../../vendor/uplot/1.6.32/uPlot.esm.js";
import { gapsOf, lonely, middles } from "./chart-data.js";
import { mark, quantity } from "./units.js";
import { timeZone } from "./zone.js";

const AXIS_PX = 56;
const FOOT_PX = 28;
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3], [1, 3], [12, 4]];
const SECOND = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone });
const MINUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", timeZone });
const EXACT = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone,
});
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone });
const DAY_S = 86400;

// A moment whose hours and days are those of the zone the reader chose.
const there = (at) => {
  const moment = new Date(at * 1000);
  return timeZone ? uPlot.tzDate(moment, timeZone) : moment;
};

// When a bucket was: its beginning, for one of an hour and more its beginning and end.
export function whenOf(from, width) {
  const begin = new Date(from * 1000);
  if (width < 60) return SECOND.format(begin);
  if (width < 3600) return MINUTE.format(begin);
  const end = new Date((from + width) * 1000);
  return `${MINUTE.format(begin)} – ${(width < DAY_S ? CLOCK : MINUTE).format(end)}`;
}

function ticks(_, splits, __, ___, increment) {
  let day = "";
  return splits.map((at) => {
    const moment = new Date(at * 1000);
    const date = DATE.format(moment);
    const isNewDay = date !== day;
    day = date;
    if (increment >= DAY_S) return date;
    const clock = (increment < 60 ? EXACT : CLOCK).format(moment);
    const local = there(at);
    return isNewDay && local.getHours() === 0 && local.getMinutes() === 0 ? date : clock;
  });
}

// Column 0 is time; then for each metric its mean, its least and its most.
export function columnsOf(chart) {
  return [middles(chart), ...chart.columns.flatMap(({ avg, min, max }) => [avg, min, max])];
}

// An axis that begins at nothing where nothing is below it, and ends a little above the most.
function rangeOf(full, isFree) {
  return (_, least, most) => {
    if (least === null) return [0, full || 1];
    // Of temperatures nothing is no beginning.
    if (isFree) return uPlot.rangeNum(Math.floor(least - 0.5), Math.ceil(most + 0.5), 0.05, true);
    const bottom = Math.min(0, least);
    if (full && most <= full) return [bottom, full];
    const [, top] = uPlot.rangeNum(bottom, Math.max(most, bottom + 1e-9), 0.1, true);
    return [bottom < 0 ? uPlot.rangeNum(bottom, most, 0.1, true)[0] : 0, top];
  };
}

function seriesOf(metric, index, { ink, getChart, isAlone }) {
  const scale = metric.unit || "plain";
  const gaps = (u) => {
    const at = (place) => u.valToPos(u.data[0][place], "x", true);
    return gapsOf(getChart().columns[index]).map(([one, other]) => [at(one), at(other)]);
  };
  const hidden = { scale, width: 0, points: { show: false }, gaps };
  return [
    {
      label: metric.label,
      scale,
      gaps,
      width: 1.75,
      dash: isAlone ? [] : DASHES[index % DASHES.length],
      stroke: () => ink(index).line,
      points: {
        show: false,
        size: 5,
        width: 0,
        fill: () => ink(index).line,
        filter: () => lonely(getChart().columns[index]),
      },
    },
    hidden,
    hidden,
  ];
}

function axesOf(units, ink) {
  const look = { stroke: () => ink.text(), font: ink.font(), gap: 6 };
  const grid = { stroke: () => ink.grid(), width: 1 };
  const sides = units.slice(0, 2).map((unit, at) => ({
    ...look,
    scale: unit || "plain",
    side: at ? 1 : 3,
    size: AXIS_PX,
    space: 36,
    ticks: { show: false },
    grid: at ? { show: false } : grid,
    values: (_, splits) => splits.map((value) => mark(value, unit)),
  }));
  const foot = {
    ...look, size: FOOT_PX, space: 72, ticks: { show: false }, grid: { show: false }, values: ticks,
  };
  return [foot, ...sides];
}

// Levels from which on a value is worth a worry, as fine lines.
function levels({ warn, bad, unit }, ink) {
  return (u) => {
    for (const [level, colour] of [[warn, ink.warn()], [bad, ink.bad()]]) {
      if (!level || level > u.scales[unit || "plain"].max) continue;
      const y = u.valToPos(level, unit || "plain", true);
      u.ctx.save();
      u.ctx.strokeStyle = colour;
      u.ctx.lineWidth = devicePixelRatio;
      u.ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      u.ctx.beginPath();
      u.ctx.moveTo(u.bbox.left, y);
      u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
      u.ctx.stroke();
      u.ctx.restore();
    }
  };
}

function dot() {
  const found = document.createElement("span");
  found.className = "chart__dot";
  return found;
}

// A plot in an element. `getChart` gives what is shown now, `ink` the colours of the theme.
export function plot({ place, metrics, limits, ink, getChart, sync, onCursor, onZoom }) {
  const units = [...new Set(metrics.map(({ unit }) => unit))];
  const isAlone = metrics.length === 1;
  const scales = { x: { time: true, range: () => ends(getChart()) } };
  for (const unit of units) {
    const full = unit === "percent" ? limits.full ?? 100 : limits.full;
    scales[unit || "plain"] = { range: rangeOf(full, unit === "celsius") };
  }
  const bands = metrics.map((_, at) => ({
    series: [at * 3 + 3, at * 3 + 2],
    fill: () => (isAlone ? ink(at).band : "transparent"),
  }));
  const options = {
    width: Math.max(place.clientWidth, 120),
    height: Math.max(place.clientHeight, 90),
    padding: [8, units.length > 1 ? 0 : 20, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: (_, at) => (at % 3 === 1 ? dot() : null), fill: () => ink.surface() },
      drag: { x: Boolean(onZoom), y: false, setScale: false },
      sync: sync ? { key: sync, setSeries: false } : undefined,
    },
    tzDate: there,
    scales,
    series: [{}, ...metrics.flatMap((metric, at) => seriesOf(metric, at, { ink, getChart, isAlone }))],
    bands,
    axes: axesOf(units, ink),
    hooks: {
      draw: isAlone ? [levels({ ...limits, unit: units[0] }, ink)] : [],
      setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          // Charts that share a cursor hear of each other's selections: the one under it counts.
          if (!onZoom || u.select.width < 8 || !place.matches(":hover")) return;
          const at = (px) => u.posToVal(px, "x");
          onZoom(at(u.select.left), at(u.select.left + u.select.width));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
  return new uPlot(options, columnsOf(getChart()), place);
}

const ends = ({ from, width, length }) => [from, from + width * length];

// What the reader reads at a place: when, and for each metric its mean and its extremes.
export function readingAt(chart, metrics, place) {
  const rows = metrics.map(({ label, unit }, index) => {
    const { avg, min, max, count } = chart.columns[index];
    if (avg[place] === null) return { label, text: "Nothing came", isGap: true, extremes: "" };
    const hasSpread = count[place] > 1 && min[place] !== max[place];
    const extremes = hasSpread ? `${quantity(min[place], unit)} to ${quantity(max[place], unit)}` : "";
    return { label, text: quantity(avg[place], unit), isGap: false, extremes };
  });
  return { when: whenOf(chart.from + place * chart.width, chart.width), rows };
}
