// A number with its unit, as cards, axes and tables of charts write it.
import { written } from "./presence.js";

const KNOWN = new Set(["percent", "celsius", "bytes_per_second"]);
const DAY_S = 86400;
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, notation: "compact" });
const plain = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function quantity(value, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "percent" || unit === "celsius") {
    return `${tenth.format(value)} ${unit === "percent" ? "%" : "°C"}`;
  }
  if (unit === "bytes") return written(value, unit).replace("/s", "");
  if (KNOWN.has(unit)) return written(value, unit);
  if (unit === "count") return Number.isInteger(value) ? whole.format(value) : tenth.format(value);
  if (unit === "seconds") return lasting(value);
  const number = Math.abs(value) >= 1e6 ? short.format(value) : plain.format(value);
  return unit ? `${number} ${unit}` : number;
}

// What stands at an axis: as short as it can be told apart.
export function mark(value, unit = "") {
  if (value === null) return "";
  if (unit === "percent") return `${plain.format(value)} %`;
  if (unit === "celsius") return `${plain.format(value)}°`;
  if (unit === "bytes") return written(value, unit).replace("/s", "");
  if (KNOWN.has(unit)) return written(value, unit);
  if (unit === "seconds") return lasting(value);
  return Math.abs(value) >= 1e4 ? short.format(value) : plain.format(value);
}

function lasting(seconds) {
  if (seconds >= DAY_S) return `${tenth.format(seconds / DAY_S)} d`;
  if (seconds >= 3600) return `${tenth.format(seconds / 3600)} h`;
  if (seconds >= 60) return `${tenth.format(seconds / 60)} min`;
  return `${tenth.format(seconds)} s`;
}
