// The service worker with its updates, and the offer to keep the app on the home screen.
const LATER = "homepot.install-later";
const ASK_AGAIN_MS = 30 * 24 * 3600 * 1000;

export function startInstalling() {
  if ("serviceWorker" in navigator) register();
  startOffer();
}

async function register() {
  let registration;
  try {
    registration = await navigator.serviceWorker.register("/sw.js", { scope: "/app" });
  } catch {
    return; // Without a secure context there is none; the app works as pages do.
  }
  const offer = () => {
    if (registration.waiting && navigator.serviceWorker.controller) showUpdate(registration);
  };
  offer();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
}

function showUpdate(registration) {
  const toast = document.querySelector("[data-update]");
  if (!toast) return;
  toast.hidden = false;
  toast.querySelector("[data-update-now]").addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    registration.waiting?.postMessage("take-over");
  }, { once: true });
}

// Browsers offer it with an event; on an iPhone the way goes through the share menu.
function startOffer() {
  const offer = document.querySelector("[data-install]");
  if (!offer || matchMedia("(display-mode: standalone)").matches || wasPutOff()) return;
  const now = offer.querySelector("[data-install-now]");
  let asked = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    asked = event;
    document.querySelector("[data-install]").hidden = false;
  });
  if (/iPhone|iPad/.test(navigator.userAgent) && !navigator.standalone) {
    offer.querySelector("[data-install-text]").textContent = "Tap the share button, then “Add to Home Screen”.";
    now.hidden = true;
    offer.hidden = false;
  }
  document.addEventListener("click", async (event) => {
    const shown = event.target.closest("[data-install]");
    if (!shown) return;
    if (event.target.closest("[data-install-now]")) await asked?.prompt();
    else if (event.target.closest("[data-install-later]")) putOff();
    else return;
    shown.hidden = true;
  });
}

function wasPutOff() {
  try {
    return Date.now() - Number(localStorage.getItem(LATER) ?? 0) < ASK_AGAIN_MS;
  } catch {
    return true;
  }
}

function putOff() {
  try {
    localStorage.setItem(LATER, String(Date.now()));
  } catch {
    // It is offered again at the next visit.
  }
}
