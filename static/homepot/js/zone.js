// The time zone the reader chose for themselves; undefined where it is the browser's.
const chosen = document.querySelector('meta[name="viewer"]')?.dataset.timeZone;

function known(zone) {
  try {
    return new Intl.DateTimeFormat(undefined, { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return undefined; // one this browser has not heard of
  }
}

export const timeZone = chosen ? known(chosen) : undefined;
