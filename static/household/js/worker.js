// The service worker of the app. It keeps the files of the offline page, and nothing that could
// pretend to be true: no page, no answer of the API, nothing of the administration.
const { version, offline, files } = self.SHELL;
const NAME = `homepot-shell-${version}`;
const VERSIONED = /^\/static\/v-[0-9a-f]{12}\//;

self.addEventListener("install", (event) => {
  // Without credentials: what is kept for the time without a server is nobody's.
  const wanted = [...files, offline].map((path) => new Request(path, { cache: "reload", credentials: "omit" }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(wanted)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith("homepot-shell-") && name !== NAME).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

// The page asks for it when its reader agrees to a reload.
self.addEventListener("message", ({ data }) => {
  if (data === "take-over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (pathname === "/app" || pathname.startsWith("/app/")) event.respondWith(fetch(request).catch(() => kept(offline)));
  } else if (files.includes(pathname)) {
    event.respondWith(VERSIONED.test(pathname) ? kept(pathname, request) : fetch(request).catch(() => kept(pathname)));
  }
});

async function kept(path, request) {
  const cache = await caches.open(NAME);
  return (await cache.match(path)) ?? (request ? fetch(request) : Response.error());
}
