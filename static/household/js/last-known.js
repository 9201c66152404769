// How things stood when the server was last heard: names and positions, for the offline page.
const KEY = "homepot.last-known";

// Who logs out in another tab leaves this page as it stands; it is not written down again.
let isOver = false;
document.addEventListener("session:over", () => {
  isOver = true;
  forget();
});
document.addEventListener("session:back", () => (isOver = false));

export function keep() {
  if (isOver) return;
  const devices = [...document.querySelectorAll("[data-device-card]")].map((card) => ({
    name: card.querySelector("[data-card-name]").textContent,
    connectivity: card.querySelector("[data-connectivity-label]").textContent,
    switches: [...card.querySelectorAll("[data-relay]")].map((tile) => ({
      name: tile.querySelector("[data-relay-name]").textContent,
      isOn: JSON.parse(tile.dataset.isOn),
    })),
  }));
  try {
    localStorage.setItem(KEY, JSON.stringify({ at: new Date().toISOString(), devices }));
  } catch {
    // Without storage the offline page says only that there is no connection.
  }
}

export function lastKnown() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept then.
  }
}
