// Where this reader was lately, for the palette: kept in this browser, dropped at the login page.
const AT_MOST = 6;
const PREFIX = "homepot.recent.";
const KINDS = {
  devices: { detail: "Device", icon: "devices" },
  groups: { detail: "Group", icon: "hybrid" },
  sites: { detail: "Site", icon: "site" },
  batches: { detail: "Batch", icon: "batches" },
};
const viewer = () => document.querySelector('meta[name="viewer"]')?.content ?? "";

export function recentPlaces() {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + viewer()) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isPlace) : [];
  } catch {
    return [];
  }
}

// Pages about one thing: a device, a group, a site, a batch.
export function rememberPlace() {
  const [, kind] = /^\/dashboard\/(devices|groups|sites|batches)\/[^/]+$/.exec(location.pathname) ?? [];
  const title = document.querySelector("h1")?.textContent.trim();
  if (!(kind in KINDS) || !title || !viewer()) return;
  const place = { title, ...KINDS[kind], url: location.pathname };
  const others = recentPlaces().filter(({ url }) => url !== place.url);
  try {
    localStorage.setItem(PREFIX + viewer(), JSON.stringify([place, ...others].slice(0, AT_MOST)));
  } catch {
    // Without storage nothing is recent.
  }
}

export function forgetPlaces() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX)) localStorage.removeItem(key);
    }
  } catch {
    // Nothing was kept.
  }
}

// Storage can be written by hand: only our own pages are offered.
const isPlace = (place) =>
  typeof place?.title === "string" && typeof place.icon === "string" && /^\/(?!\/)/.test(place?.url ?? "");
