// Rename a device or a relay in place: Enter saves, Escape gives up, a refusal stays readable.
import { patch } from "./api.js";
import { announce } from "./announce.js";

const LONGEST = 100;

export function startRenaming(deviceUid) {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-rename-open]");
    if (opener) open(opener.closest("[data-rename]"), deviceUid);
  });
}

function open(place, deviceUid) {
  const text = place.querySelector("[data-rename-text]");
  const opener = place.querySelector("[data-rename-open]");
  const form = build(place.dataset.value, opener.textContent.trim());
  text.hidden = true;
  opener.hidden = true;
  place.classList.add("editable--open");
  place.append(form);
  const close = () => {
    form.remove();
    place.classList.remove("editable--open");
    text.hidden = false;
    opener.hidden = false;
    opener.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save({ place, text, form, deviceUid, close });
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  form.querySelector("[data-cancel]").addEventListener("click", close);
  form.elements.name.select();
}

async function save({ place, text, form, deviceUid, close }) {
  const name = form.elements.name.value.trim();
  if (!name || name === place.dataset.value) {
    close();
    return;
  }
  const submit = form.querySelector("[type=submit]");
  submit.setAttribute("aria-busy", "true");
  const change =
    place.dataset.rename === "name" ? { name } : { relay_names: { [place.dataset.index]: name } };
  try {
    await patch(`/api/v1/devices/${encodeURIComponent(deviceUid)}`, change);
    place.dataset.value = name;
    text.textContent = name;
    if (place.dataset.rename === "name") document.title = `${name} · Homepot`;
    close();
    announce(`Renamed to ${name}`);
  } catch (error) {
    submit.removeAttribute("aria-busy");
    const place = form.querySelector(".field__error");
    place.textContent = error.message;
    place.hidden = false;
    form.elements.name.setAttribute("aria-invalid", "true");
    form.elements.name.focus();
  }
}

function build(value, label) {
  const form = document.createElement("form");
  form.className = "editable__form";
  const input = document.createElement("input");
  Object.assign(input, { className: "input", name: "name", value, maxLength: LONGEST });
  input.autocomplete = "off";
  input.setAttribute("aria-label", label);
  const error = document.createElement("p");
  error.className = "field__error";
  error.setAttribute("role", "alert");
  error.hidden = true;
  form.append(input, button("Save", "button--primary", "submit"), button("Cancel", "", "button"), error);
  return form;
}

function button(label, look, type) {
  const element = document.createElement("button");
  element.className = `button ${look}`;
  element.type = type;
  if (type === "button") element.dataset.cancel = "";
  const text = document.createElement("span");
  text.className = "button__label";
  text.textContent = label;
  element.append(text);
  return element;
}
