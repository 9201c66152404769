// Runs before the first paint, so that a chosen theme never flashes in the other one. What the
// viewer's preferences say is rendered by the server; this browser remembers it for the login.
(() => {
  const KEY = "homepot.theme";
  const root = document.documentElement;
  try {
    const chosen = root.dataset.chosenTheme;
    if (chosen === "system") localStorage.removeItem(KEY);
    else if (chosen) localStorage.setItem(KEY, chosen);
    const theme = localStorage.getItem(KEY);
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage may be blocked; what the server rendered then holds, else the system's theme.
  }
})();
