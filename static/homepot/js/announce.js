// One sentence for who listens instead of looking.
export function announce(sentence) {
  const region = document.querySelector("[data-announcer]");
  if (region) region.textContent = sentence;
}
