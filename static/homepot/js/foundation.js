// What every page of every face has behind the login: theme, times, cards, keys, the session, the
// state of the live link. js/shell.js (the console) and the app begin with begin(); a page's own
// script listens to `live` as it is loaded, and the link starts when all of them have been.
import { announce } from "./announce.js";
import { startCards } from "./cards.js";
import { localiseDates } from "./dates.js";
import { startKeys } from "./keys.js";
import { startLinkState } from "./link-state.js";
import { live } from "./live.js";
import { rememberPlace } from "./recent.js";
import { startSession } from "./session.js";
import { startThemeChoice } from "./theme.js";
import { startTimes } from "./time.js";

export function begin() {
  startSession();
  startThemeChoice();
  startCards();
  startKeys();
  startTimes();
  localiseDates();
  document.addEventListener("page:refreshed", () => localiseDates());
  startLinkState();
  startCopyButtons();
  rememberPlace();
  // The page's own script must listen before the first frame arrives.
  const rendered = document.querySelector("[data-streams]")?.dataset.streams;
  document.addEventListener("DOMContentLoaded", () => live.start(JSON.parse(rendered || "{}")));
}

function startCopyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = button.parentElement.querySelector("[data-copy-source]");
      await navigator.clipboard.writeText(source.textContent);
      announce("Copied");
    });
  }
}
