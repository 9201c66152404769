// Pages that do one thing: a form is sent once, a label is printed, sites follow their owner.
function startOnce() {
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      const button = event.submitter ?? form.querySelector("[type=submit]");
      if (button.getAttribute("aria-busy") === "true") event.preventDefault();
      else button.setAttribute("aria-busy", "true");
    });
  }
  // A page restored by the back button must not look busy for ever.
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form[data-once] [aria-busy]")) {
      button.removeAttribute("aria-busy");
    }
  });
}

function startPrinting() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
}

function startSitesOfTenant() {
  const tenant = document.querySelector("[data-tenant-choice]");
  const site = document.querySelector("[data-site-choice]");
  if (!tenant || !site) return;
  const narrow = () => {
    for (const group of site.querySelectorAll("optgroup")) {
      group.hidden = group.disabled = group.dataset.tenant !== tenant.value;
    }
    if (site.selectedOptions[0]?.parentElement.disabled) site.value = "";
  };
  tenant.addEventListener("change", narrow);
  narrow();
}

startOnce();
startPrinting();
startSitesOfTenant();
