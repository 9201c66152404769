// The three-way theme choice: system, light, dark; the same on every browser of its user.
import { remember } from "./preferences.js";

const KEY = "homepot.theme";

export function startThemeChoice() {
  for (const group of document.querySelectorAll("[data-theme-choice]")) {
    group.addEventListener("click", (event) => {
      const button = event.target.closest("[data-theme-value]");
      if (button) chooseTheme(button.dataset.themeValue);
    });
  }
  show(document.documentElement.dataset.theme ?? "system");
}

export function chooseTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice holds for this page only.
  }
  show(theme);
  // Strangers have no preferences: the login page keeps theirs in the browser alone.
  if (document.querySelector('meta[name="viewer"]')) {
    remember({ dashboard_settings: { theme } });
  }
}

function show(theme) {
  for (const button of document.querySelectorAll("[data-theme-value]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeValue === theme));
  }
}
