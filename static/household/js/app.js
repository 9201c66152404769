// The frame of the app: what every face has, and sharing, zones and installing.
import { begin } from "../../homepot/js/foundation.js";
import { startInstalling } from "./install.js";
import { forget } from "./last-known.js";

function startSharing() {
  for (const button of document.querySelectorAll("[data-share]")) {
    if (!navigator.share) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.share({ title: "Homepot", text: button.dataset.text, url: button.dataset.share }).catch(() => {});
    });
  }
}

// A form is sent once; a page that the back button restores is not busy for ever.
function startOnce() {
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      const button = event.submitter ?? form.querySelector("[type=submit]");
      if (button.getAttribute("aria-busy") === "true") event.preventDefault();
      else button.setAttribute("aria-busy", "true");
    });
  }
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form[data-once] [aria-busy]")) button.removeAttribute("aria-busy");
  });
}

// Times of day are meant where the reader is.
function startZones() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const field of document.querySelectorAll("[data-own-zone]")) field.value ||= zone;
  for (const place of document.querySelectorAll("[data-zone-name]")) place.textContent = zone;
}

// What stands on the phone of one person is not for the next who logs in.
function startForgetting() {
  for (const form of document.querySelectorAll("form[data-log-out]")) form.addEventListener("submit", forget);
}

// The browser knows at once what the live link notices later.
function startOfflineNotice() {
  const banner = document.querySelector("[data-link-down]");
  addEventListener("offline", () => (banner.hidden = false));
  addEventListener("online", () => {
    if (document.querySelector('[data-live-mark][data-state="live"]')) banner.hidden = true;
  });
}

begin();
startOfflineNotice();
startSharing();
startOnce();
startZones();
startForgetting();
startInstalling();
