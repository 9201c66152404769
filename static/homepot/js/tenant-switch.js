// The list of tenants closes with Escape and with a click beside it; opening it needs no script.
export function startTenantSwitch() {
  const list = document.querySelector(".tenant-switch");
  if (!list) return;
  document.addEventListener("click", (event) => {
    if (!list.contains(event.target)) list.open = false;
  });
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !list.open) return;
    list.open = false;
    list.querySelector("summary").focus();
    event.stopPropagation();
  });
}
