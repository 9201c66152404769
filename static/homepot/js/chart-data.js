// What a chart knows, as plain arithmetic: buckets of time, what came since, and where nothing came.
// No document in here: tests/ops/test_chart_data.py runs it as it is.

// Nothing for longer than this many of the usual pauses between values is a gap.
const PAUSES = 2.5;

// The answer of the metrics API as columns; `metrics` says in which order they are wanted.
export function windowOf(answer, metrics) {
  const width = answer.bucket_seconds;
  const from = Date.parse(answer.from) / 1000;
  const length = Math.round((Date.parse(answer.to) / 1000 - from) / width);
  const found = new Map((answer.series ?? []).map((one) => [one.metric, one.buckets]));
  const columns = (metrics.length ? metrics : [...found.keys()]).map((metric) => {
    const column = empty(metric, length);
    for (const bucket of found.get(metric) ?? []) {
      const place = Math.floor((Date.parse(bucket.at) / 1000 - from) / width);
      const mean = bucket.avg ?? null;
      if (mean === null || place < 0 || place >= length) continue;
      column.avg[place] = mean;
      column.min[place] = bucket.min ?? mean;
      column.max[place] = bucket.max ?? mean;
      column.count[place] = bucket.count ?? 1;
    }
    return column;
  });
  return { from, width, length, columns };
}

function empty(metric, length) {
  const nothing = () => new Array(length).fill(null);
  return { metric, avg: nothing(), min: nothing(), max: nothing(), count: new Array(length).fill(0) };
}

// A bucket is drawn in the middle of its time.
export const middles = ({ from, width, length }) =>
  Array.from({ length }, (_, place) => from + (place + 0.5) * width);

// Take in what was measured at a time. What is newer than the window moves it on by whole buckets;
// what is older than it, or not of these metrics, changes nothing. Says whether anything did.
export function append(chart, at, values) {
  const place = Math.floor((at - chart.from) / chart.width);
  const news = chart.columns.filter(({ metric }) => Number.isFinite(values[metric]));
  if (!news.length || place < 0 || !Number.isFinite(place)) return false;
  if (place >= chart.length) slide(chart, place - chart.length + 1);
  const here = Math.min(place, chart.length - 1);
  for (const column of news) merge(column, here, values[column.metric]);
  return true;
}

function slide(chart, steps) {
  chart.from += steps * chart.width;
  const kept = Math.min(steps, chart.length);
  for (const column of chart.columns) {
    for (const name of ["avg", "min", "max", "count"]) {
      const nothing = name === "count" ? 0 : null;
      column[name] = column[name].slice(kept).concat(new Array(kept).fill(nothing));
    }
  }
}

function merge(column, place, value) {
  const before = column.count[place];
  column.count[place] = before + 1;
  column.avg[place] = before ? (column.avg[place] * before + value) / (before + 1) : value;
  column.min[place] = before ? Math.min(column.min[place], value) : value;
  column.max[place] = before ? Math.max(column.max[place], value) : value;
}

const placesOf = (values) => values.flatMap((value, place) => (value === null ? [] : [place]));

const middle = (sorted) => sorted[Math.floor((sorted.length - 1) / 2)];

// How many buckets may lie between two values that still belong together. Where buckets hold
// several values each, an empty one is a gap; a device that reports every minute has none in
// buckets of ten seconds.
export function reach({ avg, count }) {
  const places = placesOf(avg);
  const ascending = (one, other) => one - other;
  const pauses = places.slice(1).map((place, at) => place - places[at]).sort(ascending);
  const held = places.map((place) => count[place]).sort(ascending);
  return pauses.length < 2 || middle(held) > 1 ? 1 : middle(pauses) * PAUSES;
}

// Pairs of places between which nothing came for too long.
export function gapsOf(column) {
  const limit = reach(column);
  const places = placesOf(column.avg);
  return places
    .slice(1)
    .map((place, at) => [places[at], place])
    .filter(([before, after]) => after - before > limit);
}

// Places of values that have no neighbour to be joined with by a line.
export function lonely(column) {
  const limit = reach(column);
  const places = placesOf(column.avg);
  return places.filter((place, at) => {
    const isNear = (other) => other !== undefined && Math.abs(place - other) <= limit;
    return !isNear(places[at - 1]) && !isNear(places[at + 1]);
  });
}

// Least, mean and most of a whole column; null where it holds nothing.
export function summary({ avg, min, max, count }) {
  const places = placesOf(avg);
  if (!places.length) return null;
  const total = places.reduce((sum, place) => sum + count[place], 0);
  const sum = places.reduce((all, place) => all + avg[place] * count[place], 0);
  return {
    min: Math.min(...places.map((place) => min[place])),
    mean: sum / total,
    max: Math.max(...places.map((place) => max[place])),
  };
}

// The place that holds a value nearest to this one in a direction (-1, 1); where none is, itself.
export function step(columns, place, direction, length) {
  for (let at = place + direction; at >= 0 && at < length; at += direction) {
    if (columns.some(({ avg }) => avg[at] !== null)) return at;
  }
  return place;
}
