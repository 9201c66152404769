// The three-way theme choice: system, light, dark.
const KEY = "homepot.theme";

export function startThemeChoice() {
  for (const group of document.querySelectorAll("[data-theme-choice]")) {
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const button = event.target.closest("[data-theme-value]");
      if (button) choose(button.dataset.themeValue);
    });
  }
  show(document.documentElement.dataset.theme ?? "system");
}

function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice holds for this page only.
  }
  show(theme);
}

function show(theme) {
  for (const button of document.querySelectorAll("[data-theme-value]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeValue === theme));
  }
}
