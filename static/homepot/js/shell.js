// The frame of the console: what every face has, the menu, the palette, long work.
import { begin } from "./foundation.js";
import { onLetters } from "./keys.js";
import { startSidebar } from "./sidebar.js";
import { startTenantSwitch } from "./tenant-switch.js";
import { startWorkTray } from "./work-tray.js";

begin();
startSidebar();
startTenantSwitch();
startWorkTray();
startWhatIsAskedFor();

// The palette and the list of keys are fetched when somebody wants them.
function startWhatIsAskedFor() {
  const palette = async () => (await import("./palette.js")).openPalette();
  const keys = async () => (await import("./key-list.js")).showKeys();
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    palette();
  });
  offer("[data-open-palette]", palette);
  offer("[data-open-keys]", keys);
  onLetters("?", keys);
  const places = { o: "", d: "/devices", g: "/groups", s: "/sites", c: "/commands", a: "/audit" };
  for (const [letter, path] of Object.entries(places)) {
    onLetters(`g ${letter}`, () => location.assign(`/dashboard${path}`));
  }
}

function offer(selector, act) {
  for (const button of document.querySelectorAll(selector)) button.addEventListener("click", act);
}
