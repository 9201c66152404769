// Travel among versions: the slider shows each one as it is reached; the server writes what is seen.
const AFTER_MS = 140;

function start(rail) {
  const slider = rail.querySelector("input[type=range]");
  const told = rail.querySelector("[data-rail-here]");
  let timer = 0;
  let asked = 0;
  rail.querySelector("[data-rail-go]").hidden = true;
  slider.setAttribute("aria-valuetext", told.textContent);

  const go = async () => {
    const mine = ++asked;
    const address = new URL(rail.action);
    address.searchParams.set(slider.name, slider.value);
    const place = document.querySelector("[data-travel]");
    // From the page of the present there is a page to go to; from then on only its middle changes.
    if (!place) {
      location.assign(address);
      return;
    }
    const response = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (mine !== asked) return;
    if (!response?.ok) {
      told.textContent = `Version ${slider.value} is not kept`;
      return;
    }
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine !== asked || !fresh.querySelector("[data-travel]")) return;
    history.replaceState(null, "", address);
    exchange(fresh, slider);
  };

  slider.addEventListener("input", () => {
    told.textContent = `Version ${slider.value} of ${slider.max}`;
    slider.setAttribute("aria-valuetext", told.textContent);
    clearTimeout(timer);
    // On the page of the present the slider must come to rest first.
    if (document.querySelector("[data-travel]")) timer = setTimeout(go, AFTER_MS);
  });
  slider.addEventListener("change", () => {
    clearTimeout(timer);
    go();
  });
}

// Everything but the slider under the hand: its neighbours are exchanged one by one.
function exchange(fresh, slider) {
  const [here, next] = [document, fresh].map((page) => page.querySelector("[data-travel]"));
  const rail = here.querySelector("[data-rail]");
  for (const child of [...here.children]) if (child !== rail) child.remove();
  const nextRail = next.querySelector("[data-rail]");
  for (const child of [...next.children]) {
    if (child !== nextRail) here.append(document.adoptNode(child));
  }
  rail.querySelector(".rail__steps").replaceWith(
    document.adoptNode(nextRail.querySelector(".rail__steps")),
  );
  rail.querySelector("[data-rail-here]").textContent =
    nextRail.querySelector("[data-rail-here]").textContent;
  slider.max = nextRail.querySelector("input[type=range]").max;
  for (const part of [".part__head h1", ".part__head .page__lead"]) {
    const [old, now] = [document, fresh].map((page) => page.querySelector(part));
    if (old && now) old.replaceWith(document.adoptNode(now));
  }
  document.title = fresh.title;
  document.dispatchEvent(new CustomEvent("page:refreshed", { detail: { fresh } }));
}

document.querySelectorAll("[data-rail]").forEach(start);
