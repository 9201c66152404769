// Dates and times in the zone of who types them: the server writes UTC, and is told which zone it is.
const two = (number) => String(number).padStart(2, "0");

function local(moment) {
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  return `${day}T${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

function startZones() {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  // What was typed already says in which zone.
  for (const form of document.querySelectorAll("[data-zoned]:not([data-typed])")) {
    if (!zone) return;
    for (const input of form.querySelectorAll("input[type=datetime-local]")) {
      const moment = new Date(`${input.value}Z`);
      if (!Number.isNaN(moment.getTime())) input.value = local(moment);
    }
    form.querySelector("[data-zone]").value = zone;
    form.querySelector("[data-zone-name]").textContent = zone;
  }
}

startZones();
