// What the palette can do besides leading somewhere; each is also reachable on the page itself.
import { make } from "./dom.js";
import { csrfToken } from "./csrf.js";
import { showKeys } from "./key-list.js";
import { chooseTheme } from "./theme.js";

export function actions() {
  return [
    { title: "Keyboard shortcuts", icon: "terminal", act: showKeys, isFirst: true },
    { title: "Dark theme", icon: "moon", act: () => chooseTheme("dark") },
    { title: "Light theme", icon: "sun", act: () => chooseTheme("light") },
    { title: "Theme of the system", icon: "monitor", act: () => chooseTheme("system") },
    ...cards(),
    ...tenants(),
    { title: "Open the app", detail: "Rooms and switches", icon: "relay", url: "/app" },
    { title: "Your account", detail: "Name, password, sessions", icon: "gear", url: "/dashboard/account" },
    { title: "Log out", icon: "logout", act: logOut },
  ];
}

function cards() {
  const all = [...document.querySelectorAll("[data-card]")];
  if (all.length < 2) return [];
  const set = (isOpen) => () => all.forEach((card) => (card.open = isOpen));
  return [
    { title: "Open all cards", icon: "unfold", act: set(true) },
    { title: "Fold all cards", icon: "unfold", act: set(false) },
  ];
}

// The list in the sidebar is a form: its buttons do the choosing here too.
function tenants() {
  return [...document.querySelectorAll(".tenant-switch__item:not([aria-current])")].map((button) => ({
    title: `Show ${button.textContent.trim()}`,
    detail: "Whose devices the pages show",
    icon: "people",
    act: () => button.form.requestSubmit(button),
  }));
}

function logOut() {
  const form = make("form", { method: "post", action: "/logout", hidden: true }, make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: csrfToken() }));
  document.body.append(form);
  form.requestSubmit();
}
