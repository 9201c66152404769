// Claim by code over the API, with refusals beside the fields. Without script the form posts itself.
import { post } from "./api.js";

export function startClaimForms() {
  for (const form of document.querySelectorAll("[data-claim-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form);
    });
  }
}

async function submit(form) {
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-busy") === "true") return;
  clear(form);
  const body = { claim_code: form.elements.claim_code.value.trim() };
  const name = form.elements.name.value.trim();
  if (name) body.name = name;
  if (!body.claim_code) {
    refuse(form, "claim_code", "Enter the code first.");
    return;
  }
  const tenant = form.elements.tenant;
  if (tenant && !tenant.value) {
    refuse(form, "tenant", "Choose whose it becomes.");
    return;
  }
  button.setAttribute("aria-busy", "true");
  try {
    const chosen = tenant ? { "X-Tenant": tenant.value } : {};
    const device = await post("/api/v1/devices/claim", body, chosen);
    location.assign(`/dashboard/devices/${encodeURIComponent(device.uid)}`);
  } catch (error) {
    button.removeAttribute("aria-busy");
    show(form, error);
  }
}

function show(form, error) {
  const fields = Object.entries(error.details ?? {}).filter(([name]) =>
    form.querySelector(`[data-field-error="${CSS.escape(name)}"]`),
  );
  for (const [name, sentences] of fields) refuse(form, name, [sentences].flat().join(" "));
  if (fields.length) return;
  form.querySelector("[data-form-error-text]").textContent = error.message;
  form.querySelector("[data-form-error]").hidden = false;
  form.elements.claim_code.focus();
}

function refuse(form, name, sentence) {
  const place = form.querySelector(`[data-field-error="${CSS.escape(name)}"]`);
  place.textContent = sentence;
  place.hidden = false;
  const input = form.elements[name];
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

function clear(form) {
  form.querySelector("[data-form-error]").hidden = true;
  for (const place of form.querySelectorAll("[data-field-error]")) place.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}
